"""The settings of the recipe for Django and Celery, as they are on its page, beside the module on a real server."""

from __future__ import annotations

import pathlib
import re
import threading
import unittest

import redis
from celery import Celery
from celery.contrib.testing.worker import start_worker
from liq_server import Server

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/recipes/django-celery.md"
ADDRESS = "redis://127.0.0.1:6379"


def block(name: str, url: str) -> str:
    """The block that begins with this comment, with the test's server in place of the page's."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (text,) = [text for text in blocks if text.startswith(f"# {name}\n")]
    assert ADDRESS in text, f"{name} names another address"
    return text.replace(ADDRESS, url)


class Recipes(unittest.TestCase):
    def setUp(self) -> None:
        self.server = Server()
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.redis = redis.Redis.from_url(self.server.url, decode_responses=True)
        self.addCleanup(self.redis.close)
        self.redis.execute_command("LIQ.ADD", "liq:{BTCUSDT}", "*", "sell", "65000", "2")

    def test_django_caches_under_its_prefix_and_every_key_expires(self) -> None:
        # The test runner looks at every name of this file, and these ask for settings when they are looked at.
        from django.conf import settings
        from django.core.cache import cache

        names: dict[str, object] = {}
        exec(block("settings.py", self.server.url), names)
        settings.configure(CACHES=names["CACHES"])
        cache.set("name", {"last": 65000})
        self.assertEqual(cache.get("name"), {"last": 65000})
        self.assertIn(self.redis.ttl("django:1:name"), range(1, 301))
        self.assertEqual(sorted(self.redis.keys()), ["django:1:name", "liq:{BTCUSDT}"])

    def test_celery_works_off_its_queue_under_its_prefix(self) -> None:
        app = Celery("recipe")
        exec(block("celery.py", self.server.url), {"app": app})
        ran, done = [], threading.Event()

        @app.task
        def note(number: int) -> None:
            ran.append(number)
            done.set()

        note.delay(7)
        self.assertEqual(self.redis.llen("celery:celery"), 1)
        with start_worker(app, pool="solo", perform_ping_check=False):
            self.assertTrue(done.wait(60))
        self.assertEqual(ran, [7])
        foreign = [key for key in self.redis.keys() if not key.startswith(("celery:", "liq:"))]
        self.assertEqual(foreign, [])


if __name__ == "__main__":
    unittest.main()
