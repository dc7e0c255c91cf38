"""The FCM simulator: HTTP v1 sends and the OAuth exchange that they need, as Google is documented and observed."""
