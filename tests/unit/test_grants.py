"""Access tokens: one exchange at a time, renewed in time, and a refusal is somebody's in particular."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from pushwarden.core.errors import VaultRefused
from pushwarden.core.outcome import Blame, Ending, Outcome
from pushwarden.core.secret import Secret
from pushwarden.dataplane.transport.dial import DialError, Target
from pushwarden.dataplane.transport.grants import LEAST_AGE, Asks, Grants
from pushwarden.dataplane.transport.post import Errand
from pushwarden.providers.port import Exchange, Grant, Origin, Reply

REFUSED = Outcome(Ending.REFUSED, "invalid_grant: Invalid JWT Signature", 400, Blame.CREDENTIAL)
ORIGIN = Origin("oauth2.googleapis.com", 443)
ERRAND = Errand(Target(ORIGIN, ssl.create_default_context()), Exchange(ORIGIN, b"/token", (), b""))
UNWELL = Outcome(Ending.REFUSED, "HTTP 503", 503, Blame.PROVIDER, retry_after=40.0)


class Endpoint:
    """Answers with what is next in `answers`, when it is let. now: the clock."""

    def __init__(self, *answers: Grant | Outcome | DialError, life: float = 3600.0) -> None:
        self.now = 1000.0
        self.answers, self.life = list(answers), life
        self.asked: list[float] = []
        self.open = asyncio.Event()
        self.open.set()
        self.grants = Grants(self.post, lambda: self.now)
        self.asks = Asks(self.errand, self.read)

    def errand(self, now: float) -> Errand | None:
        return ERRAND

    async def post(self, errand: Errand) -> Reply:
        self.asked.append(self.now)
        await self.open.wait()
        if self.answers and isinstance(self.answers[0], DialError):
            raise self.answers.pop(0)
        return Reply(200, {}, b"")

    def read(self, reply: Reply, now: float) -> Grant | Outcome:
        if self.answers:
            answer = self.answers.pop(0)
            assert not isinstance(answer, DialError)
            return answer
        return Grant(Secret(b"t%d" % len(self.asked)), now + self.life - 300, now + self.life)

    async def look(self, name: str = "c1") -> tuple[bool, bytes, str]:
        """(ready, token, trouble) after what was asked has been answered."""
        self.grants.current(name, self.asks)
        for _ in range(5):
            await asyncio.sleep(0)
        ready, grant, trouble = self.grants.current(name, self.asks)
        return ready, grant.token.reveal() if grant else b"", trouble.sentence if trouble else ""


def tell(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())


def test_the_token_is_asked_for_once_and_kept() -> None:
    async def story() -> None:
        endpoint = Endpoint()
        endpoint.open.clear()
        assert await endpoint.look() == (False, b"", "")
        assert await endpoint.look() == (False, b"", "")
        endpoint.open.set()
        assert await endpoint.look() == (True, b"t1", "")
        endpoint.now += 3299
        assert await endpoint.look() == (True, b"t1", "")
        assert endpoint.asked == [1000.0]

    tell(story)


def test_it_is_renewed_before_its_end_and_the_old_one_serves_until_then() -> None:
    async def story() -> None:
        endpoint = Endpoint()
        await endpoint.look()
        endpoint.now += 3300
        endpoint.open.clear()
        assert await endpoint.look() == (True, b"t1", "")
        endpoint.open.set()
        assert await endpoint.look() == (True, b"t2", "")

    tell(story)


def test_a_token_that_has_ended_is_not_sent_with() -> None:
    async def story() -> None:
        endpoint = Endpoint()
        await endpoint.look()
        endpoint.now += 3600
        endpoint.open.clear()
        assert await endpoint.look() == (False, b"", "")

    tell(story)


def test_each_credential_has_its_own() -> None:
    async def story() -> None:
        endpoint = Endpoint()
        assert (await endpoint.look("a"), await endpoint.look("b")) == ((True, b"t1", ""), (True, b"t2", ""))

    tell(story)


def test_a_refusal_is_the_credentials_and_is_not_repeated_at_once() -> None:
    async def story() -> None:
        endpoint = Endpoint(REFUSED, REFUSED)
        await endpoint.look()
        ready, grant, trouble = endpoint.grants.current("c1", endpoint.asks)
        assert (ready, grant) == (False, None)
        assert trouble is not None and trouble.credential and trouble.sentence.startswith("invalid_grant")
        endpoint.now += 14.9
        await endpoint.look()
        assert len(endpoint.asked) == 1
        endpoint.now += 4
        await endpoint.look()
        endpoint.now += 29.9
        await endpoint.look()
        assert len(endpoint.asked) == 2
        endpoint.now += 8
        assert await endpoint.look() == (True, b"t3", "")

    tell(story)


def test_an_endpoint_that_is_unwell_blames_no_credential_and_its_retry_after_is_kept() -> None:
    async def story() -> None:
        endpoint = Endpoint(DialError("oauth2.googleapis.com:443 cannot be reached: no route."))
        assert await endpoint.look() == (
            False, b"", "No access token: oauth2.googleapis.com:443 cannot be reached: no route."
        )  # fmt: skip
        _, _, trouble = endpoint.grants.current("c1", endpoint.asks)
        assert trouble is not None and not trouble.credential
        endpoint.now += 1.25
        endpoint.answers = [UNWELL]
        assert (await endpoint.look())[2] == "oauth2.googleapis.com gives no access token: HTTP 503."
        endpoint.now += 39.9
        await endpoint.look()
        assert len(endpoint.asked) == 2
        endpoint.now += 10.1
        assert await endpoint.look() == (True, b"t3", "")

    tell(story)


def test_a_refused_token_is_replaced_unless_it_is_fresh() -> None:
    async def story() -> None:
        endpoint = Endpoint()
        await endpoint.look()
        _, first, _ = endpoint.grants.current("c1", endpoint.asks)
        assert first is not None
        endpoint.grants.distrust("c1", first)
        assert await endpoint.look() == (True, b"t1", "")
        endpoint.now += LEAST_AGE
        endpoint.grants.distrust("c1", first)
        assert await endpoint.look() == (True, b"t2", "")
        endpoint.now += LEAST_AGE
        endpoint.grants.distrust("c1", first)  # late words about a token that is gone
        assert await endpoint.look() == (True, b"t2", "")

    tell(story)


def test_a_provider_without_access_tokens_is_ready_and_asked_once() -> None:
    async def story() -> None:
        endpoint = Endpoint()
        questions: list[float] = []

        def none(now: float) -> Errand | None:
            questions.append(now)
            return None

        endpoint.asks = Asks(none, endpoint.read)
        for _ in range(3):
            assert await endpoint.look() == (True, b"", "")
        assert (len(questions), endpoint.asked) == (1, [])

    tell(story)


def test_material_that_cannot_sign_holds_its_lane_and_ends_no_sender() -> None:
    async def story() -> None:
        endpoint = Endpoint()

        def refuse(now: float) -> Errand | None:
            raise VaultRefused("The opened material is not a key; upload the credential again.")

        endpoint.asks = Asks(refuse, endpoint.read)
        assert await endpoint.look() == (False, b"", "The opened material is not a key; upload the credential again.")

    tell(story)


def test_who_asks_for_a_proof_gets_another_try_at_once_and_no_old_word() -> None:
    async def story() -> None:
        endpoint = Endpoint(REFUSED)
        await endpoint.look()
        _, _, trouble = endpoint.grants.current("c1", endpoint.asks)
        assert trouble is not None and trouble.found is not None and trouble.found.answer == Reply(200, {}, b"")
        endpoint.open.clear()
        endpoint.grants.anew("c1")
        assert endpoint.grants.current("c1", endpoint.asks) == (False, None, None)
        endpoint.grants.anew("c1")  # under way already: it is not asked twice
        endpoint.open.set()
        assert await endpoint.look() == (True, b"t2", "")
        endpoint.grants.anew("c1")  # the token there is serves
        assert await endpoint.look() == (True, b"t2", "")
        assert len(endpoint.asked) == 2

    tell(story)
