def test_smoke(client, page, api, open_incident, subscribe, dispatch):
    from statuspage.vocabulary import ComponentStatus

    subscribe("a@example.com")
    subscribe("+491512345678", channel="sms")
    i = open_incident(components={api: ComponentStatus.MAJOR_OUTAGE})
    for p in [
        "/",
        f"/incidents/{i.public_id}",
        "/history",
        "/history?month=2026-03",
        "/subscribe",
        "/history.atom",
        "/history.rss",
        "/healthz",
        "/readyz",
        "/nope",
    ]:
        r = client.get(p)
        print(p, r.status_code, len(r.data))
    print(dispatch())
    from statuspage.models import Delivery
    from statuspage.db import db
    from sqlalchemy import select
    from statuspage.delivery import messages

    for d in db.session.scalars(select(Delivery)):
        print(d.state, d.reason)
        m = messages.personal(d)
        print(m.text)
    print(client.get("/history.atom").text[:1500])
