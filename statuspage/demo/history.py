"""Ninety days in the life of Parcelwright, as its comms leads wrote them down."""

from ..vocabulary import Audience, ComponentStatus, IncidentStatus, IncidentType, Severity
from .story import (
    AMERICA,
    CONSOLE,
    CUSTOMS,
    DASHBOARD,
    EUROPE,
    LABELS,
    REPORTS,
    RETURNS,
    SCANNER,
    SHIPPING,
    SIGN_IN,
    TRACKING,
    WEBHOOKS,
    Said,
    Story,
    note,
)

INVESTIGATING, IDENTIFIED, MONITORING, RESOLVED = IncidentStatus
OUTAGE, DEGRADATION, DEPLOYMENT, INFRASTRUCTURE, SECURITY, DATA_INTEGRITY, THIRD_PARTY = IncidentType
SEV1, SEV2, SEV3, SEV4 = Severity
GREEN, DEGRADED, PARTIAL, MAJOR, _ = ComponentStatus

PAST: tuple[Story, ...] = (
    Story(89, "08:12", "Labels take longer than usual", DEGRADATION, SEV3, (
        Said(0, INVESTIGATING, "Creating a label takes 8 to 15 seconds instead of one. No label is lost; requests "
             "that time out can be repeated safely with the same reference.", {LABELS: DEGRADED}),
        Said(34, IDENTIFIED, "A new font package made our renderer load every typeface for every label. We are going "
             "back to the previous package."),
        Said(61, MONITORING, "Labels take about a second again. We are watching the morning peak.", {LABELS: GREEN}),
        Said(118, RESOLVED, "Labels have been fast through the whole morning peak. Rendering times are now part of "
             "the checks that a release must pass."),
    )),
    Story(86, "14:40", "Webhooks arrive late", INFRASTRUCTURE, SEV3, (
        Said(0, INVESTIGATING, "Webhooks arrive up to 25 minutes late. Tracking pages and the API show current "
             "data.", {WEBHOOKS: DEGRADED}),
        Said(52, IDENTIFIED, "One of three queue servers stopped taking work after its disk filled with logs. It is "
             "back, and the backlog of 1.2 million notifications is being sent in order."),
        Said(148, MONITORING, "The backlog is down to four minutes and shrinking."),
        Said(190, RESOLVED, "Webhooks arrive within seconds. Every delayed notification was sent once; nothing was "
             "dropped."),
    )),
    Story(83, "10:05", "Single sign-on fails for some companies", THIRD_PARTY, SEV2, (
        Said(0, INVESTIGATING, "Some companies cannot sign in through single sign-on. Passwords with one-time codes "
             "work, and so does the API.", {SIGN_IN: PARTIAL}),
        Said(28, IDENTIFIED, "An identity provider is answering our requests with errors and has confirmed the "
             "trouble on its own status page. Administrators can switch single sign-on off for their company in "
             "the meantime: *Settings → Security → Allow passwords*."),
        Said(81, IDENTIFIED, "The provider reports a fix under way. About one sign-in in three now succeeds.",
             {SIGN_IN: DEGRADED}),
        Said(139, MONITORING, "Sign-ins through the provider have succeeded for 20 minutes.", {SIGN_IN: GREEN}),
        Said(175, RESOLVED, "The provider has closed its incident and we see no more failures. If you allowed "
             "passwords for the time being, remember to switch that off again."),
    )),
    Story(80, "16:22", "Tracking events of one carrier are missing", THIRD_PARTY, SEV3, (
        Said(0, INVESTIGATING, "A carrier in Europe has sent us no tracking events since 13:50. Parcels move "
             "normally; only their status stands still.", {TRACKING: DEGRADED}),
        Said(47, IDENTIFIED, "The carrier has moved its event feed without notice. We are connecting to the new "
             "one."),
        Said(160, MONITORING, "Events flow again, and those missed this afternoon are being filled in."),
        Said(222, RESOLVED, "All events since 13:50 are in place with their original times."),
    )),
    Story(76, "07:31", "Shipping API answers with errors after a release", DEPLOYMENT, SEV2, (
        Said(0, INVESTIGATING, "About 12 % of requests to the Shipping API fail with status 500 since 07:24.",
             {SHIPPING: PARTIAL}),
        Said(9, IDENTIFIED, "The errors began with this morning's release, which we are taking back now."),
        Said(21, MONITORING, "The release is taken back and errors have stopped. Requests that failed were not "
             "charged and can be repeated.", {SHIPPING: GREEN}),
        Said(58, RESOLVED, "No errors for 35 minutes. The release did not handle shipments without a phone number "
             "for the recipient; a test for that is in place."),
    )),
    Story(73, "13:15", "Some reports show incomplete figures", DATA_INTEGRITY, SEV3, (
        Said(0, INVESTIGATING, "Reports for last week may count too few shipments. Invoices are not affected: they "
             "are made from other data.", {REPORTS: DEGRADED}),
        Said(96, IDENTIFIED, "A nightly import stopped early on three days and did not say so. Figures for Monday "
             "to Wednesday are too low; all other days are right.",
             corrected="A nightly import stopped early on three days and did not say so. Figures for Tuesday to "
             "Thursday are too low; all other days are right. *(We first named the wrong days here.)*"),
        Said(205, IDENTIFIED, "We are importing the missing days again. Please do not schedule new exports of last "
             "week until this is done.", within=180),
        Said(371, MONITORING, "The missing days are imported and being compared with the carriers' own counts.",
             {REPORTS: GREEN}),
        Said(466, RESOLVED, "All figures match the carriers' counts. Customers who downloaded a report with missing "
             "days have been sent a new one. The import now raises an alarm when it ends early."),
    )),
    Story(70, "22:48", "Database failover: API and dashboard unavailable", INFRASTRUCTURE, SEV1, (
        Said(0, INVESTIGATING, "The Shipping API and the dashboard do not answer. We are on it.",
             {SHIPPING: MAJOR, DASHBOARD: MAJOR, TRACKING: PARTIAL}),
        Said(11, IDENTIFIED, "Our main database failed and its stand-in did not take over by itself. We are switching "
             "by hand."),
        Said(26, IDENTIFIED, "The stand-in has taken over. The Shipping API answers again, slowly at first.",
             {SHIPPING: DEGRADED, DASHBOARD: PARTIAL, TRACKING: DEGRADED}),
        Said(49, MONITORING, "Everything answers at normal speed. No data was lost: the stand-in was two seconds "
             "behind, and those two seconds have been recovered from the log.",
             {SHIPPING: GREEN, DASHBOARD: GREEN, TRACKING: GREEN}, within=90),
        Said(112, RESOLVED, "Stable for an hour. We will publish what happened, and why the stand-in waited, within "
             "five working days."),
    )),
    Story(66, "11:20", "Warehouse scanner closes on some Android devices", DEPLOYMENT, SEV3, (
        Said(0, INVESTIGATING, "Version 6.14 of the scanner app closes on start on devices with Android 11 and older.",
             {SCANNER: PARTIAL}),
        Said(38, IDENTIFIED, "We have found the faulty library and stopped the distribution of 6.14. Devices that have "
             "not been updated are fine: please do not update today."),
        Said(131, MONITORING, "Version 6.14.1 is in the store. Update and start again; picks in progress are kept.",
             {SCANNER: DEGRADED}),
        Said(244, RESOLVED, "Nine in ten devices run 6.14.1 and no longer close."),
    )),
    Story(63, "15:00", "Rates of carriers in North America time out", THIRD_PARTY, SEV3, (
        Said(0, INVESTIGATING, "Rate requests to two carriers in North America take more than 10 seconds or time out. "
             "Other carriers' rates are shown as usual.", {AMERICA: DEGRADED}),
        Said(44, IDENTIFIED, "Both carriers use the same rating service, which is overloaded. We answer with rates "
             "from the last hour, marked `cached`, until it recovers.", within=150),
        Said(187, MONITORING, "The rating service answers within a second again. Cached rates are switched off.",
             {AMERICA: GREEN}),
        Said(231, RESOLVED, "Live rates for all carriers since 18:07. Cached rates differed from live ones by less "
             "than 1 %."),
    )),
    Story(60, "15:37", "Search in the dashboard is slow", DEGRADATION, SEV4, (
        Said(0, INVESTIGATING, "Searching for orders takes up to 20 seconds. Opening an order by its number is "
             "quick.", {DASHBOARD: DEGRADED}),
        Said(73, IDENTIFIED, "A search index is being rebuilt after it grew too large. Search gets faster as the "
             "rebuild proceeds; it should be done by the evening."),
        Said(266, RESOLVED, "The index is rebuilt and search answers in under a second."),
    )),
    Story(57, "18:05", "Customs declarations are rejected at the EU border", THIRD_PARTY, SEV2, (
        Said(0, INVESTIGATING, "Export declarations to countries outside the EU have been rejected since 17:40 with a "
             "code we have not seen before.", {CUSTOMS: MAJOR}),
        Said(41, IDENTIFIED, "A customs authority has begun to require a field one week before the published date. We "
             "are adding it now. Shipments inside the EU need no declaration and are not affected."),
        Said(96, IDENTIFIED, "The field is in place in our test system and accepted. We release it within the hour.",
             {CUSTOMS: PARTIAL}),
        Said(171, MONITORING, "Declarations are accepted again. Those rejected since 17:40 are being sent anew, in "
             "the order in which they came.", {CUSTOMS: DEGRADED}),
        Said(214, RESOLVED, "All 3,412 rejected declarations have been accepted. No parcel missed its truck because "
             "of this; four left one departure later."),
    )),
    Story(54, "12:02", "Phishing mails that pretend to be from us", SECURITY, SEV2, (
        Said(0, IDENTIFIED, "Mails titled “Your Parcelwright invoice is overdue” are going around. **They are not "
             "from us.** Do not open the attachment. Our systems are not affected, and the addresses do not come "
             "from us: many recipients are not customers."),
        Said(55, IDENTIFIED, "The site these mails link to is being taken down. If you entered your password there, "
             "change it now and tell support@parcelwright.example.", within=120),
        Said(163, MONITORING, "The site is down. We have reset the passwords of seven accounts whose owners told us "
             "that they had entered them; none had been used by anyone else.", within=300),
        Said(420, RESOLVED, "No new mails have been reported since noon. We never send invoices as attachments: you "
             "find them in *Reports → Invoices*."),
    )),
    Story(51, "06:55", "Returns portal cannot be reached", OUTAGE, SEV2, (
        Said(0, INVESTIGATING, "Your customers see a certificate warning instead of the returns portal.",
             {RETURNS: MAJOR}),
        Said(8, IDENTIFIED, "The portal's certificate expired at 06:00 because its renewal had failed quietly. A new "
             "one is on its way."),
        Said(19, MONITORING, "The new certificate is in place and the portal opens without a warning.",
             {RETURNS: GREEN}),
        Said(50, RESOLVED, "Resolved. Expiry dates of all certificates are now watched from outside, with an alarm "
             "14 days ahead."),
    )),
    Story(48, "10:18", "Labels for thermal printers are shifted", DEPLOYMENT, SEV3, (
        Said(0, INVESTIGATING, "Labels in ZPL format print about 4 mm too far to the right since this morning. PDF "
             "labels are right.", {LABELS: DEGRADED}),
        Said(36, IDENTIFIED, "A change for a new printer moved the margin for all of them. We are undoing it. Shifted "
             "labels can be scanned and used."),
        Said(64, RESOLVED, "ZPL labels print in their old place again. Labels that were cut off can be created anew "
             "free of charge until Friday."),
    )),
    Story(45, "17:26", "Network trouble in one data centre", INFRASTRUCTURE, SEV1, (
        Said(0, INVESTIGATING, "We see errors and slow answers in all products. The cause seems to be the network of "
             "one of our two data centres.",
             {SHIPPING: PARTIAL, TRACKING: PARTIAL, DASHBOARD: PARTIAL, WEBHOOKS: DEGRADED}),
        Said(14, IDENTIFIED, "Our provider confirms a broken link. We are moving all traffic to the other data "
             "centre."),
        Said(37, MONITORING, "All traffic runs through the other data centre. Errors are gone; the dashboard is a "
             "little slower than usual.",
             {SHIPPING: GREEN, TRACKING: GREEN, DASHBOARD: DEGRADED, WEBHOOKS: GREEN}),
        Said(64, MONITORING, "The link is being repaired. We stay on one data centre tonight and watch closely.",
             {DASHBOARD: GREEN}, none_because="the provider works through the night and nothing changes for you"),
        Said(934, RESOLVED, "The link is repaired, and since 08:40 both data centres share the traffic again."),
    )),
    Story(42, "08:44", "Some webhooks are sent twice", DATA_INTEGRITY, SEV3, (
        Said(0, INVESTIGATING, "Some shops receive the same notification twice. Both carry the same `id`, so "
             "receivers that check it are not affected.", {WEBHOOKS: DEGRADED}),
        Said(67, IDENTIFIED, "After last night's maintenance two senders worked through the same part of the queue. "
             "One of them is stopped."),
        Said(103, RESOLVED, "No duplicates since 09:55. 18,204 notifications were sent twice; a list per shop is in "
             "*Settings → Webhooks → History*."),
    )),
    Story(39, "14:10", "Scheduled exports are delayed", DEGRADATION, SEV4, (
        Said(0, IDENTIFIED, "Exports scheduled for noon have not been sent yet: one very large export holds up the "
             "others. We have given it a queue of its own.", {REPORTS: DEGRADED}),
        Said(88, MONITORING, "Waiting exports are being made, the oldest first."),
        Said(157, RESOLVED, "All exports of today are delivered."),
    )),
    Story(36, "09:52", "One-time codes by SMS arrive late", THIRD_PARTY, SEV3, (
        Said(0, INVESTIGATING, "Sign-in codes by SMS arrive after up to six minutes, by when they have expired. Codes "
             "from an authenticator app work.", {SIGN_IN: DEGRADED}),
        Said(33, IDENTIFIED, "A mobile network in Germany delivers slowly. Codes are valid for 15 minutes instead of "
             "five until this is over.", within=180),
        Said(178, MONITORING, "Most codes arrive within ten seconds."),
        Said(230, RESOLVED, "Codes arrive at once and are valid for five minutes again."),
    )),
    Story(33, "20:15", "Tracking pages are slow", DEGRADATION, SEV3, (
        Said(0, INVESTIGATING, "Tracking pages take five to ten seconds to open this evening.", {TRACKING: DEGRADED}),
        Said(40, IDENTIFIED, "A large sale brings four times the usual number of readers. We are adding servers."),
        Said(74, MONITORING, "Twelve more servers are up and pages open within a second.", {TRACKING: GREEN}),
        Said(165, RESOLVED, "Pages have been fast for 90 minutes. The servers stay until the sale ends on Sunday."),
    )),
    Story(30, "11:33", "Data pipeline is behind", DATA_INTEGRITY, SEV4, (
        Said(0, INVESTIGATING, "The pipeline is 50 minutes behind after the schema change. Customers see nothing of it "
             "as long as it stays under two hours: estimates use the last known state.", audience=Audience.INTERNAL),
        note(95, IDENTIFIED, "Two partitions were rebalanced onto one worker. Moved back; it is catching up at "
             "twice real time."),
        note(190, RESOLVED, "Caught up. Rebalancing now respects the partition limit."),
    )),
    Story(27, "13:48", "Shipping API is slow", DEGRADATION, SEV2, (
        Said(0, INVESTIGATING, "Requests to the Shipping API take three to six seconds. Few of them fail.",
             {SHIPPING: DEGRADED, CONSOLE: DEGRADED}),
        note(16, INVESTIGATING, "Slow queries point at `shipment_item`. The planner ignores the new index since "
             "the statistics job ran at 13:30. Jonas looks at the plan, Aiko at undoing the job."),
        Said(39, IDENTIFIED, "A database index is not being used as it should be. We are refreshing its statistics, "
             "which takes about half an hour.", {SHIPPING: PARTIAL}),
        note(58, IDENTIFIED, "ANALYZE is through 60 % of the partitions. Support has the macro; 31 tickets so far."),
        Said(108, MONITORING, "Requests take 200 milliseconds again. We apologise that this update came late: we were "
             "waiting for certainty when a word on progress would have served you better.", {SHIPPING: GREEN}),
        Said(150, RESOLVED, "Fast for 40 minutes. The statistics job now runs at night and checks its own result."),
    )),
    Story(24, "07:20", "Pickups cannot be booked with one carrier", THIRD_PARTY, SEV3, (
        Said(0, INVESTIGATING, "Booking a pickup with a carrier in the Netherlands and Belgium fails. Labels work, and "
             "parcels can be dropped off.", {EUROPE: DEGRADED}),
        Said(51, IDENTIFIED, "The carrier's booking system is down. It expects to be back at 10:00."),
        Said(176, MONITORING, "Bookings succeed. Those you saved as drafts this morning are being placed for today "
             "where the carrier still has room."),
        Said(240, RESOLVED, "All drafts are booked: 212 for today, 37 for tomorrow morning. Shops with a pickup moved "
             "to tomorrow have been told by mail."),
    )),
    Story(21, "16:05", "Dashboard does not load", DEPLOYMENT, SEV2, (
        Said(0, INVESTIGATING, "The dashboard shows an empty page. API, scanner and webhooks work.",
             {DASHBOARD: MAJOR}),
        Said(6, IDENTIFIED, "A file is missing from the latest release. We are taking it back."),
        Said(12, MONITORING, "The dashboard loads again. Reload the page if yours is still empty.",
             {DASHBOARD: GREEN}),
        Said(44, RESOLVED, "Resolved after 12 minutes. Releases are now refused when a file they refer to is "
             "missing."),
    )),
    Story(18, "10:40", "Customs documents without tariff codes", DATA_INTEGRITY, SEV3, (
        Said(0, INVESTIGATING, "Some commercial invoices made since yesterday evening have no tariff codes. We are "
             "finding out which.", {CUSTOMS: DEGRADED, LABELS: DEGRADED}),
        Said(48, IDENTIFIED, "Invoices for products imported by spreadsheet after 19:00 are affected: 640 in all. New "
             "invoices are right.", {LABELS: GREEN}),
        Said(140, MONITORING, "All 640 invoices have been made again. Shops find them under *Documents*, marked "
             "“replaced”. Please print them anew if the parcel has not left.", within=180),
        Said(291, RESOLVED, "Every parcel that left with an incomplete invoice has been cleared; we talked to the "
             "brokers ourselves."),
    )),
    Story(15, "03:25", "Labels fail now and then", INFRASTRUCTURE, SEV2, (
        Said(0, INVESTIGATING, "About one label in ten fails on the first try. Trying again helps.",
             {LABELS: PARTIAL}),
        Said(87, IDENTIFIED, "A storage server answers with errors. We are replacing it. This update is later than we "
             "promised; the person on call was busy with the server and nobody relieved them.",
             {LABELS: DEGRADED}),
        Said(141, MONITORING, "The server is replaced and labels succeed on the first try.", {LABELS: GREEN},
             within=90),
        Said(215, RESOLVED, "No failures since 05:46. From tonight on a second person is called for every incident "
             "that lasts longer than half an hour."),
    )),
    Story(12, "12:30", "Precautionary renewal of API keys", SECURITY, SEV3, (
        Said(0, IDENTIFIED, "A partner has found some of its customers' settings, API keys among them, in a place "
             "that others could read. We have no sign of misuse. Keys of the 58 shops concerned will be replaced "
             "today; their owners have been called.", within=180),
        Said(146, MONITORING, "52 of 58 shops use their new key. The old keys end at 18:00.", within=240),
        Said(338, RESOLVED, "All old keys have ended and none was misused. Shops that we did not call are not "
             "concerned."),
    )),
    Story(9, "09:15", "Returns portal shows the wrong language", DEPLOYMENT, SEV4, (
        Said(0, IDENTIFIED, "The returns portal greets everyone in Dutch. It can be used, and a language can be chosen "
             "at the bottom of the page.", {RETURNS: DEGRADED}),
        Said(46, MONITORING, "The portal follows the browser's language again.", {RETURNS: GREEN}),
        Said(92, RESOLVED, "Resolved. Thank you to the shops that told us first."),
    )),
    Story(6, "15:50", "Webhooks arrive late", DEGRADATION, SEV3, (
        Said(0, INVESTIGATING, "Webhooks arrive up to 12 minutes late.", {WEBHOOKS: DEGRADED}),
        Said(42, IDENTIFIED, "Several large shops answer our notifications very slowly and hold up the others. They "
             "now have a queue of their own."),
        Said(83, MONITORING, "Webhooks arrive within seconds for everyone else. The slow ones are catching up.",
             {WEBHOOKS: GREEN}),
        Said(146, RESOLVED, "All webhooks are on time. Slow receivers no longer hold up the rest."),
    )),
    Story(3, "08:05", "Warehouse scanner synchronises slowly", DEGRADATION, SEV3, (
        Said(0, INVESTIGATING, "Scans take up to a minute to appear in the dashboard. Scanning itself works, and "
             "nothing is lost when the app is closed.", {SCANNER: DEGRADED}),
        Said(39, IDENTIFIED, "Monday's order import ran longer than planned and slows the synchronisation. We have "
             "given scans precedence.",
             corrected="This morning's order import ran longer than planned and slows the synchronisation. We have "
             "given scans precedence."),
        Said(71, MONITORING, "Scans appear within two seconds.", {SCANNER: GREEN}),
        Said(127, RESOLVED, "Synchronisation has been quick for an hour, also during the midday import."),
    )),
)  # fmt: skip
