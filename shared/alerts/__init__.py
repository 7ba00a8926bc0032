"""Alerts: rules that tenants set on their usage, firings when one is met, and their way to people.

    rule        what a tenant asks for           metrics     what its usage amounts to
    evaluate    rules beside usage: firings      deliver     one attempt to tell of a firing

A firing is put into the queue `usage-notifications`, one message a channel, before it is written down.
Killed in between, the next round sends the same messages again, and whoever delivers them recognises
them by their ids.
"""
