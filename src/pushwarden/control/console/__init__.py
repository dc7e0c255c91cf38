"""The management console: pages drawn here, which ask the API's own routes as the person who is signed in."""
