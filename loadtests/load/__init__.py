"""The load test around Locust: what it runs against, what it asks of the users, what it says in the end."""
