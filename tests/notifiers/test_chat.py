"""Chats: whose address is whose, cards laid out with no way to shout, and hooks that are no more (FM-61)."""

import json
import time
from datetime import timedelta

import pytest

from notifiers import (
    DeliveryError,
    Envelope,
    Message,
    PermanentDeliveryError,
    Postponed,
    Receipt,
    UncertainDeliveryError,
    discord,
    google_chat,
    slack,
    teams,
)
from notifiers._card import read_card
from notifiers._hook import HookWire
from notifiers._http import Poster
from notifiers._traffic import Traffic
from tests.doubles import DROP, HookAnswer, HookDouble

PATHS = {
    slack: "/services/T0/B0/x",
    discord: "/api/webhooks/1/x-y_z",
    google_chat: "/v1/spaces/AA/messages?key=k&token=t",
    teams: "/workflows/ab/triggers/manual/paths/invoke?sig=s",
}
SHOUT = (
    "<!channel> <!here|here> @everyone @here <@U123> <users/all> <at>All</at> *bold* _it_ `x` "
    "[a](https://evil.example) | & #1"
)
CARD = {
    "title": f"Payments fail {SHOUT}",
    "url": "https://status.example.com/incidents/abc",
    "page": "Acme",
    "status": "Identified",
    "tone": "major",
    "body": f"A full disk.\n\nWe make room. {SHOUT}",
    "components": [{"name": f"API {SHOUT}", "status": "Major outage"}],
    "promise": "Next update by 14:30 CET.",
    "links": [{"label": "Change or stop", "url": "https://status.example.com/manage/x"}],
}
UPDATE = Message(reference="an1-s1-chat", subject="Payments fail", text=json.dumps({"card": CARD}))
every_chat = pytest.mark.parametrize("module", PATHS, ids=lambda module: module.__name__)
HOME = {"CANDOR_BASE_URL": "https://status.example.com"}


def chat(module, **traffic):
    kind = type(module.build(HOME))
    poster = Poster(may_be_private=True, total_seconds=5)
    return kind(is_live=True, wire=HookWire(poster, Traffic(**traffic), may_repeat=False))


def posted(module, *answers, message=UPDATE, **traffic):
    """What one post to this chat came to, and what the chat got."""
    with HookDouble() as hook:
        address = hook.on(PATHS[module], *(answers or [HookAnswer(words="ok")]))
        (outcome,) = chat(module, **traffic).deliver([Envelope(1, address, message)])
        return outcome.result, [sent.json for sent in hook.received]


def everything(payload):
    """All strings of a payload, with the keys that lead to them."""
    if isinstance(payload, dict):
        for key, value in payload.items():
            yield from ((f"{key}.{path}", text) for path, text in everything(value))
    elif isinstance(payload, list):
        for value in payload:
            yield from everything(value)
    elif isinstance(payload, str):
        yield "", payload


# Addresses


@every_chat
def test_the_vendors_own_address_is_taken(module):
    channel = module.build(HOME)

    assert channel.clean(f" {module.EXAMPLE_ADDRESS} ") == module.EXAMPLE_ADDRESS


@pytest.mark.parametrize(
    "address",
    [
        "https://prod-27.westeurope.logic.azure.com:443/workflows/1f/triggers/manual/paths/invoke?sp=%2Frun&sig=x",
        "https://default0a.4c.environment.api.powerplatform.com:443/powerautomate/x/workflows/1f/triggers/manual?sig=abc",
        "https://acme.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4/V2",
    ],
)
def test_teams_has_several_homes(address):
    assert teams.build(HOME).clean(address) == address.replace(":443", "")


@every_chat
@pytest.mark.parametrize(
    "host",
    ["evil.example", "hooks.slack.com.evil.test", "discord.com.evil.test", "xhooks.slack.com", "notdiscord.com",
     "logic.azure.com.evil.test", "evilwebhook.office.com", "chat.googleapis.com.evil.test", "127.0.0.1"],
)  # fmt: skip
def test_another_host_is_refused_however_alike(module, host):
    with pytest.raises(ValueError, match=r"\.$"):
        module.build(HOME).clean(f"https://{host}{PATHS[module]}")


@every_chat
@pytest.mark.parametrize(
    "path", ["/", "/other", "/services", "/api/webhooks/", "/api/users/@me", "/v1/spaces/AA/members"]
)
def test_another_path_is_refused(module, path):
    host = module.EXAMPLE_ADDRESS.split("/")[2]

    with pytest.raises(ValueError, match="is not a"):
        module.build(HOME).clean(f"https://{host}{path}")


@every_chat
def test_the_vendors_host_on_another_port_or_in_a_password_is_refused(module):
    host = module.EXAMPLE_ADDRESS.split("/")[2]
    for trick in (f"{host}:8443", f"{host}@evil.example", f"evil.example#{host}", f"evil.example?{host}"):
        with pytest.raises(ValueError, match=r"\.$"):
            module.build(HOME).clean(f"https://{trick}{PATHS[module]}")


# Words


@every_chat
def test_everything_said_is_in_the_card(module):
    plain = {
        **CARD,
        "title": "Payments fail",
        "body": "A full disk.",
        "components": [{"name": "API", "status": "Down"}],
    }
    _, (payload,) = posted(module, message=Message("r", "s", json.dumps({"card": plain})))

    whole = json.dumps(payload, ensure_ascii=False)
    for words in (
        "Payments fail",
        "Identified",
        "A full disk.",
        "API: Down",
        "14:30 CET",
        "/incidents/abc",
        "/manage/x",
    ):
        assert words in whole
    assert "🔴" in whole


@every_chat
def test_status_has_a_colour_or_a_sign(module):
    signs = set()
    for tone in ("ok", "degraded", "partial", "major", "maintenance", "neutral", "unheard-of"):
        _, (payload,) = posted(
            module, message=Message("r", "s", json.dumps({"card": {"title": "x", "body": "y", "tone": tone}}))
        )
        signs.add(json.dumps(payload))

    assert len(signs) == 6


def test_slack_finds_no_mention_and_no_markup():
    _, (payload,) = posted(slack)

    markup = [text for path, text in everything(payload) if "plain_text" not in path]
    blocks = payload["attachments"][0]["blocks"]
    assert [block["text"]["type"] for block in blocks if "text" in block] == ["plain_text"] * 3
    assert payload["attachments"][0]["color"] == "#c62832"
    assert "<!channel>" in blocks[0]["text"]["text"]
    assert "<!channel>" not in payload["text"]
    assert "<!channel>" not in payload["attachments"][0]["fallback"]
    assert payload["text"].startswith(
        "🔴 *<https://status.example.com/incidents/abc|Identified: Payments fail &lt;!channel&gt;"
    )
    assert payload["text"].count("|") == 3  # its own, and two of the title behind a character that joins nothing
    assert not any("<@U123>" in text for text in markup if not text.startswith(("A full", "API")))


def test_discord_pings_nobody_and_formats_nothing():
    _, (payload,) = posted(discord)

    embed = payload["embeds"][0]
    assert payload["allowed_mentions"] == {"parse": []}
    assert "content" not in payload
    assert r"\*bold\*" in embed["description"]
    assert r"\[a\]\(https://evil.example\)" in embed["description"]
    assert (embed["url"], embed["color"]) == (CARD["url"], 0xC62832)


def test_google_chat_gets_words_and_no_html():
    _, (payload,) = posted(google_chat)

    sections = payload["cardsV2"][0]["card"]["sections"][0]["widgets"]
    assert "text" not in payload
    assert "&lt;users/all&gt;" in sections[0]["textParagraph"]["text"]
    assert "<users/all>" not in json.dumps(payload["cardsV2"][0]["card"]["sections"])
    assert "<users/all>" not in payload["fallbackText"]


def test_teams_gets_runs_in_which_nothing_is_markdown():
    _, (payload,) = posted(teams)

    attachment = payload["attachments"][0]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert {block["type"] for block in attachment["content"]["body"]} == {"RichTextBlock"}
    assert {run["type"] for block in attachment["content"]["body"] for run in block["inlines"]} == {"TextRun"}
    assert "entities" not in attachment["content"]["msteams"]
    assert [action["url"] for action in attachment["content"]["actions"]] == [CARD["url"], CARD["links"][0]["url"]]


@every_chat
def test_long_words_stay_within_what_the_vendor_takes(module):
    long = {"title": "t" * 5000, "body": "b" * 50_000, "components": [{"name": "c" * 100, "status": "Down"}] * 200}
    _, (payload,) = posted(module, message=Message("r", "s", json.dumps({"card": long})))

    assert len(json.dumps(payload)) < 25_000
    if module is discord:
        embed = payload["embeds"][0]
        total = (
            len(embed["title"]) + len(embed["description"]) + sum(len(f["name"] + f["value"]) for f in embed["fields"])
        )
        assert total <= 6000
        assert len(embed["title"]) <= 256
        assert all(len(field["value"]) <= 1024 for field in embed["fields"])


@every_chat
@pytest.mark.parametrize(
    "text", ["{", "{}", '{"card": 1}', '{"card": {"components": 7, "links": "x"}}', "Words \ud800\x00"]
)
def test_words_that_are_no_card_are_said_all_the_same(module, text):
    result, payloads = posted(module, message=Message(reference="r", subject="Hello", text=text))

    assert isinstance(result, Receipt)
    assert len(payloads) == 1


# Answers


@every_chat
@pytest.mark.parametrize(
    "answer",
    [
        HookAnswer(404, "channel_not_found"),
        HookAnswer(410, "channel_is_archived"),
        HookAnswer(403, "action_prohibited"),
        HookAnswer(401, '{"message": "Invalid Webhook Token", "code": 50027}'),
    ],
)
def test_a_hook_that_is_no_more_is_final_and_says_what_to_do(module, answer):
    result, _ = posted(module, answer)

    assert isinstance(result, PermanentDeliveryError)
    assert result.code == "invalid_address"
    assert "Make a new one" in str(result)


def test_the_vendors_own_word_is_in_the_reason():
    assert "channel_not_found" in str(posted(slack, HookAnswer(404, "channel_not_found"))[0])
    assert "Unknown Webhook" in str(
        posted(discord, HookAnswer(404, '{"message": "Unknown Webhook", "code": 10015}'))[0]
    )
    gone = '{"error": {"code": "WorkflowNotFound", "message": "..."}}'
    assert "WorkflowNotFound" in str(posted(teams, HookAnswer(404, gone))[0])
    denied = '{"error": {"code": 403, "status": "PERMISSION_DENIED"}}'
    assert "PERMISSION_DENIED" in str(posted(google_chat, HookAnswer(403, denied))[0])


@every_chat
@pytest.mark.parametrize("words", ["[1]", "null", '{"error": 7}', "<html>", "\x00"])
def test_a_complaint_in_any_shape_is_borne(module, words):
    assert isinstance(posted(module, HookAnswer(404, words))[0], PermanentDeliveryError)


@every_chat
def test_words_that_are_refused_do_not_cost_the_address(module):
    result, _ = posted(module, HookAnswer(400, "invalid_payload"))

    assert isinstance(result, PermanentDeliveryError)
    assert result.code == "message_refused"


@every_chat
def test_a_flood_is_held_back_per_hook(module):
    now = [0.0]
    with HookDouble() as hook:
        address = hook.on(PATHS[module], HookAnswer(429, headers={"Retry-After": "30"}), HookAnswer())
        channel = chat(module, clock=lambda: now[0], jitter=lambda: 0.0)
        results = []
        for moment in (0.0, 1.0, 29.0, 31.0):
            now[0] = moment
            (outcome,) = channel.deliver([Envelope(1, address, UPDATE)])
            results.append(outcome.result)

        assert [type(result) for result in results] == [DeliveryError, Postponed, Postponed, Receipt]
        assert results[0].retry_after == timedelta(seconds=30)
        assert len(hook.received) == 2


@every_chat
def test_no_hook_gets_more_than_one_post_a_second(module):
    now = [0.0]
    with HookDouble() as hook:
        first = hook.on(PATHS[module], HookAnswer())
        channel = chat(module, pace=1.0, clock=lambda: now[0], jitter=lambda: 0.0)
        results = []
        for moment in (0.0, 0.4, 0.9, 1.1):
            now[0] = moment
            (outcome,) = channel.deliver([Envelope(1, first, UPDATE)])
            results.append(type(outcome.result))

        assert results == [Receipt, Postponed, Postponed, Receipt]
        assert module.build(HOME).wire.traffic.pace == 1.0


@every_chat
def test_what_may_have_been_posted_is_not_posted_again(module):
    for answer in (HookAnswer(words=DROP), HookAnswer(504)):
        assert isinstance(posted(module, answer)[0], UncertainDeliveryError)


@every_chat
def test_other_trouble_is_tried_again(module):
    for status in (302, 500, 503):
        assert type(posted(module, HookAnswer(status))[0]) is DeliveryError


def test_a_connector_that_says_yes_and_means_no_is_understood():
    flood = (
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x"
    )
    gone = flood.replace("429", "404")

    assert posted(teams, HookAnswer(words=flood))[0].code == "throttled"
    assert posted(teams, HookAnswer(words=gone))[0].code == "invalid_address"


@every_chat
def test_slow_hooks_do_not_queue_behind_each_other(module):
    with HookDouble() as hook:
        address = hook.on(PATHS[module], HookAnswer(seconds=0.2))
        began = time.monotonic()
        outcomes = list(chat(module).deliver([Envelope(number, address, UPDATE) for number in range(5)]))

        assert all(isinstance(outcome.result, Receipt) for outcome in outcomes)
        assert time.monotonic() - began < 0.8


BUTTONS = [
    {"label": "Write the update", "url": "https://x.example/a"},
    {"label": "Acknowledge", "url": "https://x.example/b"},
]


def test_slack_and_teams_show_buttons_that_lead_there():
    text = json.dumps({"card": {"title": "Update due now", "body": "", "buttons": BUTTONS}})
    card = read_card(Message(reference="r", subject="s", text=text))
    in_slack = slack.Slack().payload(card)["attachments"][0]["blocks"]
    in_teams = teams.Teams().payload(card)["attachments"][0]["content"]["actions"]

    assert [(each["text"]["text"], each["url"]) for each in in_slack[-1]["elements"]] == [
        ("Write the update", "https://x.example/a"),
        ("Acknowledge", "https://x.example/b"),
    ]
    assert {each["type"] for each in in_slack[-1]["elements"]} == {"button"}
    assert [(each["title"], each["url"]) for each in in_teams] == [
        ("Write the update", "https://x.example/a"),
        ("Acknowledge", "https://x.example/b"),
    ]


def test_a_card_without_buttons_has_none():
    card = read_card(Message(reference="r", subject="s", text='{"card": {"title": "t", "body": "b"}}'))

    assert all(block["type"] != "actions" for block in slack.Slack().payload(card)["attachments"][0]["blocks"])
