"""Who gets in, who waits, and what they are told meanwhile."""

from __future__ import annotations


async def test_the_one_too_many_is_told_and_closed(stack) -> None:
    stack.admission.max_sessions = 1
    async with stack.client(), stack.client(read_session=False) as second:
        refusal = await second.next()
        assert (refusal["type"], refusal["code"]) == ("error", "SERVER_FULL")
        assert refusal["retryable"]
        await second.socket.wait_closed()
        assert second.socket.close_code == 1013
    await stack.settled()
    async with stack.client() as third:
        await third.full_turn()


async def test_who_may_wait_is_told_its_place_and_then_served(stack) -> None:
    stack.admission.max_sessions = 1
    stack.admission.max_waiting = 1
    async with stack.client() as first, stack.client(read_session=False) as second:
        waiting = await second.next()
        assert (waiting["state"], waiting["position"]) == ("queued", 1)
        async with stack.client(read_session=False) as third:
            assert (await third.next())["code"] == "SERVER_FULL"
        await first.socket.close()
        await second.until("session")
        await second.full_turn()


async def test_engines_that_load_are_waited_for(stack) -> None:
    steps = iter([0.0, 0.5])
    stack.factory.loading = lambda: next(steps, None)
    async with stack.client() as chat:
        await chat.send(type="text", text="are you there")
        assert (await chat.until("status", state="loading"))["progress"] == 0.0
        assert (await chat.until("status", state="loading"))["progress"] == 0.5
        await chat.until("turn_done")
