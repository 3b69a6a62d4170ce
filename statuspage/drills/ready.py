"""The two drills that come with Candor."""

READY = {
    "ready-checkout": (
        "Checkout fails after a database failover",
        """Severity: sev1
Type: outage
About: The classic. The cause comes late, support is impatient, and the first word must not wait for either.

+0 alert: Checkout errors at 40 % and rising. Payments that go through take 20 seconds.
+4 support: 30 tickets about payments in five minutes. What may we tell customers?
+7 sales: Our largest customer asks whether their orders are lost.
+12 tech lead: Cause found. The database failed over and half of our servers still write to the old primary.
+20 tech lead: All servers point to the new primary. Errors fall. No orders were lost; 212 were charged twice.
+35 tech lead: Errors have been normal for 15 minutes. Finance refunds the double charges today.

expect +10 first update
expect +17 identified
expect +27 monitoring
expect +45 resolved
""",
    ),
    "ready-provider": (
        "A provider is down and says nothing",
        """Severity: sev2
Type: third_party
About: Nothing to fix, nothing new to say, and people who wait all the same. It rehearses keeping promises without news.

+0 alert: Deliveries of SMS fail. 70 % of sign-in codes do not arrive.
+5 tech lead: Our side is fine. The provider's status page says all is well.
+15 support: Customers cannot sign in. Can they use something else?
+20 tech lead: Codes by mail work. Whoever has an authenticator app is not affected.
+40 tech lead: Nothing from the provider yet. Nothing new from us either.
+60 account manager: The provider confirms an outage in Europe. No time for a fix.
+85 tech lead: Codes arrive again, with some minutes of delay.
+100 tech lead: Normal for 15 minutes. The provider calls it resolved.

expect +20 first update
expect +70 identified
expect +95 monitoring
expect +110 resolved
""",
    ),
}
