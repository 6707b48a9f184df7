//! What the schedule does to the world, step by step.

use super::disk::Fate;
use super::plan::What;
use super::{Act, World};
use crate::chance::Chance;
use crate::history::Mark;
use gavel_auction::ids::AuctionId;
use gavel_engine::log::{Entry, Record};

impl World {
    /// A step of the schedule comes about.
    pub(super) fn scheduled(&mut self, index: usize) {
        let Some(step) = self.steps.get(index).copied() else { return };
        match step.what {
            What::Create(number) => self.create(number, step.seed),
            What::Ask => self.ask(step.seed),
            What::Look => self.look(step.seed),
            What::Repeat => self.repeat(step.seed, false),
            What::Reuse => self.repeat(step.seed, true),
            What::Watch => self.watch(step.seed),
            What::Drop => self.drop_watcher(step.seed),
            What::Attend => self.attend(step.seed),
            What::HangUp => self.hang_up(step.seed),
            What::Chatter => self.chatter(step.seed),
            What::Slow(_)
            | What::Fail(_)
            | What::Stick(_)
            | What::Blind(_)
            | What::Full(_)
            | What::Crash(_)
            | What::Stop(_)
            | What::Pause(_)
            | What::Jump(_)
            | What::KeepFails(_)
            | What::Spoil
            | What::Damage
            | What::Scrub => self.go_wrong(step.what, step.seed),
        }
    }

    fn go_wrong(&mut self, what: What, seed: u64) {
        let mut chance = Chance::new(seed, 31);
        match what {
            What::Slow(delay) => {
                self.slow = Some(delay);
                self.mark_fault(format!("the next commit takes {delay} ns"));
            }
            What::Fail(fate) => self.fail(fate),
            What::Stick(times) => self.disk.stick(times),
            What::Blind(times) => {
                self.disk.blind(times);
                self.mark_fault(format!("{times} reads of the log fail"));
            }
            What::Full(delay) => {
                self.disk.fill(true);
                self.after(delay, Act::Emptied);
                self.reach("the disk is full");
                self.mark_fault(format!("no room for {delay} ns"));
            }
            What::Crash(crash) if crash.ended => self.doomed = Some((crash, chance)),
            What::Crash(crash) => self.crash(crash, &mut chance),
            What::Stop(down) => self.stop(down),
            What::Pause(delay) => {
                self.paused_until = self.now + delay;
                self.input.marks.push(Mark::Warp { at_ns: self.now });
                self.reach("the whole process stands still");
                self.mark_fault(format!("stands still for {delay} ns"));
            }
            What::Jump(micros) => {
                self.skew += micros;
                self.tick_clock();
                self.reach(if micros < 0 { "the clock runs back" } else { "the clock jumps" });
                self.mark_fault(format!("the clock jumps by {micros} us"));
                self.input.marks.push(Mark::Warp { at_ns: self.now });
                self.call_turn(400_000_000);
            }
            What::KeepFails(times) => self.shelf.fail(times),
            What::Spoil => {
                self.shelf.spoil(&mut chance);
                self.mark_fault("snapshots are changed".to_owned());
            }
            What::Damage => self.damage(&mut chance),
            What::Scrub => self.scrub(),
            What::Create(_)
            | What::Ask
            | What::Look
            | What::Repeat
            | What::Reuse
            | What::Watch
            | What::Drop
            | What::Attend
            | What::HangUp
            | What::Chatter => {}
        }
    }

    fn fail(&mut self, fate: Fate) {
        self.disk.plan(fate);
        self.reach(match fate {
            Fate::Full => "a commit is refused for want of room",
            Fate::FailedButWritten => "a commit fails after it has written",
            Fate::FailedAndLost => "a commit fails without having written",
            Fate::FailedAndLurking => "a commit fails and comes to light later",
            Fate::FailedAndLate => "a commit fails and lurks until the machine comes up again",
        });
        self.mark_fault(format!("{fate:?}"));
    }

    /// A stored event is changed behind everybody's back.
    fn damage(&mut self, chance: &mut Chance) {
        let partition = u16::try_from(chance.index(usize::from(self.params.partitions)));
        let Ok(partition) = partition else { return };
        let count = self.disk.count(partition);
        let Some(record) = self.disk.at(partition, chance.index(count)) else { return };
        let Entry::Event(event) = &record.entry else { return };
        let (auction, position) = (event.auction, record.position);
        let mut changed = event.clone();
        match chance.index(5) {
            0 => flip(&mut changed.public, chance),
            1 => flip(&mut changed.sealed, chance),
            2 => changed.hash.0[chance.index(32)] ^= 1,
            3 => changed.version += 1,
            _ => changed.previous = changed.previous.wrapping_sub(1),
        }
        // An event that now says it is another auction's: that one has lost it, one must think.
        let named = serde_json::from_slice::<serde_json::Value>(&changed.public).ok();
        let named = named.and_then(|public| AuctionId::new(public["auction"].as_i64()?));
        if let Some(auction) = named.filter(|named| *named != auction) {
            self.input.marks.push(Mark::Planted { auction, reported: true });
        }
        let entry = Entry::Event(changed);
        self.disk.damage(partition, position, Record { entry, ..record });
        self.damaged = true;
        self.reach("a stored event is damaged");
        self.mark_fault(format!("auction {auction} is damaged at position {position}"));
        self.input.marks.push(Mark::Planted { auction, reported: false });
    }

    /// Which of the damaged auctions the house has closed off.
    pub(super) fn note_quarantine(&mut self) {
        let Some(house) = &self.house else { return };
        let mut found = false;
        for mark in &mut self.input.marks {
            if let Mark::Planted { auction, reported } = mark
                && !*reported
                && house.engine.is_quarantined(*auction)
            {
                *reported = true;
                found = true;
            }
        }
        if found {
            self.reach("a damaged auction is closed off");
        }
    }
}

fn flip(bytes: &mut [u8], chance: &mut Chance) {
    let place = chance.index(bytes.len());
    if let Some(byte) = bytes.get_mut(place) {
        // Still text, so that the history can be written down.
        *byte = if *byte == b'1' { b'2' } else { b'1' };
    }
}
