"""What goes wrong in a run: the one who does it is an actor too."""

from __future__ import annotations

from tests.simulation.world import Actor, Life, World, disk_error


class Nemesis(Actor):
    """Picks a fault, waits, picks the next. What lasts it takes back itself."""

    def __init__(self, world: World, victims: list[Actor]) -> None:
        super().__init__(world, "nemesis")
        self.victims = victims

    def life(self) -> Life:
        while True:
            yield self.pause(100, 3_500)
            if self.world.shape.faults:
                name = self.dice.choice(self.world.shape.faults)
                self.world.note(self.name, name)
                yield from getattr(self, name)()

    def kill(self) -> Life:
        self.world.crash(power_cut=False, down_ms=self.dice.choice((10, 500, 4_000)))
        yield self.pause(0, 1_000)

    def power(self) -> Life:
        self.world.crash(power_cut=True, down_ms=self.dice.choice((10, 2_000)))
        yield self.pause(0, 1_000)

    def restart(self) -> Life:
        self.world.restart(self.dice.choice((10, 1_000)))
        yield self.pause(0, 1_000)

    def stall(self) -> Life:
        """The whole machine stands still; what was due comes late, all at once."""
        self.world.clock.advance(self.dice.choice((100, 2_000, 12_000)))
        yield self.pause(0, 100)

    def cut(self) -> Life:
        self.world.cut(self.dice.choice(self.victims).connection)
        yield self.pause(0, 100)

    def freeze(self) -> Life:
        """Some clients stand still, and go on as if nothing had been."""
        for victim in self.dice.sample(self.victims, min(len(self.victims), self.dice.choice((1, 1, 2, 3)))):
            victim.frozen_ms = self.world.now_ms() + self.dice.choice((500, 5_000, 16_000, 25_000))
            self.world.note(victim.name, "stands still", f"until {victim.frozen_ms}")
        yield self.pause(0, 100)

    def client(self) -> Life:
        victim = self.dice.choice(self.victims)
        self.world.note(victim.name, "killed")
        victim.frozen_ms = 0
        self.world.spawn(victim)
        yield self.pause(0, 100)

    def disk(self) -> Life:
        """Some calls in a row fail, or all for a while; what was half written may stay."""
        disk = self.world.disk
        disk.error = disk_error(self.dice)
        disk.torn = self.dice.random() < 0.5
        disk.fail_from_now(self.dice.choice((1, 1, 2, 5, 1 << 30)))
        yield self.pause(10, 3_000)
        self.world.heal()

    def full(self) -> Life:
        self.world.fill_disk(self.dice.choice((0, 50, 300, 2_000)))
        yield self.pause(10, 4_000)
        self.world.heal()

    def slow(self) -> Life:
        """The disk takes its time; what waits for it may never be answered."""
        self.world.lag_ms = self.dice.choice((200, 1_000, 3_000))
        yield self.pause(200, 3_000)
        if self.dice.random() < 0.5 and "power" in self.world.shape.faults:
            yield from self.power()
        self.world.lag_ms = 0

    def network(self) -> Life:
        self.world.trouble = self.dice.choice((0.05, 0.3, 0.7))
        yield self.pause(200, 6_000)
        self.world.trouble = 0.0
