"""What is documented by the vendor and not served yet: answered as such, so that nobody looks for a typing error."""

import re

_ONE = "/pages/{}"
_PATHS = (
    "/organizations/{}/users", "/organizations/{}/users/{}", "/organizations/{}/permissions/{}",
    "/metrics_providers",
    *(_ONE + rest for rest in (
        "/page_access_users", "/page_access_users/{}", "/page_access_users/{}/components",
        "/page_access_users/{}/components/{}", "/page_access_users/{}/metrics", "/page_access_users/{}/metrics/{}",
        "/page_access_groups", "/page_access_groups/{}", "/page_access_groups/{}/components",
        "/page_access_groups/{}/components/{}",
        "/subscribers/resend_confirmation", "/subscribers/unsubscribe", "/subscribers/reactivate",
        "/subscribers/histogram_by_state", "/subscribers/unsubscribed", "/subscribers/{}/resend_confirmation",
        "/incident_templates",
        "/incidents/{}/incident_updates/{}", "/incidents/{}/subscribers", "/incidents/{}/subscribers/{}",
        "/incidents/{}/subscribers/{}/resend_confirmation", "/incidents/{}/postmortem",
        "/incidents/{}/postmortem/publish", "/incidents/{}/postmortem/revert",
        "/components/{}/uptime", "/components/{}/page_access_users", "/components/{}/page_access_groups",
        "/component-groups/{}/uptime",
        "/metrics", "/metrics/data", "/metrics/{}", "/metrics/{}/data", "/metrics_providers",
        "/metrics_providers/{}", "/metrics_providers/{}/metrics", "/status_embed_config",
    )),
)  # fmt: skip
_DOCUMENTED = re.compile("|".join(path.replace("{}", "[^/.]+") + r"(?:\.json)?" for path in _PATHS))


def is_documented(rest: str) -> bool:
    """Whether the vendor documents this path below `/v1`."""
    return _DOCUMENTED.fullmatch(rest) is not None
