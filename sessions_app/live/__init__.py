"""What pages hear while they are looked at, over WebSockets and Channels."""
