"""The nouns. Verbs live beside this folder, one module for each thing a comms lead does."""

from .api_key import ApiKey
from .audit import AuditEntry
from .cadence import CadencePolicy, Deadline, DeadlineReminder, Promise, Reminder
from .chase import ChasePause
from .component import Component, ComponentGroup
from .delivery import Announcement, Attempt, Breaker, Delivery, Shard
from .drill import Drill, DrillInject, DrillScript
from .factors import Authenticator, Passkey, RecoveryCode, RememberedDevice
from .incident import Incident, IncidentAssignment, IncidentUpdate, UpdateComponent, UpdateRevision
from .oncall import OnCallFeed
from .page import DrillPlayer, Page
from .reply import ReplyDraft
from .report import MonthlyReport
from .staff import Role, SignInLink, StaffSession, StaffUser
from .subscriber import Subscriber, Subscription
from .system import Alarm, CarrierReport, Heartbeat, IdempotencyKey, Lease, Pace, RateCount

__all__ = [
    "Alarm",
    "Announcement",
    "ApiKey",
    "Attempt",
    "AuditEntry",
    "Authenticator",
    "Breaker",
    "CadencePolicy",
    "CarrierReport",
    "ChasePause",
    "Component",
    "ComponentGroup",
    "Deadline",
    "DeadlineReminder",
    "Delivery",
    "Drill",
    "DrillInject",
    "DrillPlayer",
    "DrillScript",
    "Heartbeat",
    "IdempotencyKey",
    "Incident",
    "IncidentAssignment",
    "IncidentUpdate",
    "Lease",
    "MonthlyReport",
    "OnCallFeed",
    "Pace",
    "Page",
    "Passkey",
    "Promise",
    "RateCount",
    "RecoveryCode",
    "RememberedDevice",
    "Reminder",
    "ReplyDraft",
    "Role",
    "Shard",
    "SignInLink",
    "StaffSession",
    "StaffUser",
    "Subscriber",
    "Subscription",
    "UpdateComponent",
    "UpdateRevision",
]
