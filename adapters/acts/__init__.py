"""What people do from outside: decide, replay, publish. Each is audited first and goes in by the front door."""
