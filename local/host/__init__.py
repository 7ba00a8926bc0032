"""A small Azure Functions host for one Python v2 app: `python -m local.host APP_DIR`.

Microsoft's worker library indexes the app, decodes and encodes its bindings and calls its
functions; this package only listens (HTTP), polls (queues) and schedules (timers).
"""
