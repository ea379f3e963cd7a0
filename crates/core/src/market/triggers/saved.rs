//! Triggers as they were saved: built anew, and refused where no commands lead to them.

use super::fire::{Fire, Owed};
use super::terms::{Armed, Impossible, MAX_ARMING};
use super::triggers::{Totals, Triggers};

impl Triggers {
    /// Triggers as they were saved, the armed ones in order of arming and what is not told yet in order of deciding.
    pub fn from_parts<'a>(
        last_arming: u64,
        totals: Totals,
        armed: impl IntoIterator<Item = Armed<'a>>,
        owed: [Vec<Fire>; 2],
    ) -> Result<Self, Impossible> {
        let mut triggers = Self { totals, ..Self::default() };
        for one in armed {
            if triggers.holds(one.id) {
                return Err(Impossible("trigger: its id is there twice"));
            }
            triggers.arm(&one)?;
        }
        let mut armings: Vec<u64> = triggers.armings.iter().map(|(arming, _)| arming).collect();
        armings.extend(owed.iter().flatten().map(|fire| fire.arming));
        armings.sort_unstable();
        let is_twice = armings.windows(2).any(|pair| pair.first() == pair.last());
        if is_twice || armings.last().is_some_and(|last| *last > last_arming) || last_arming > MAX_ARMING {
            return Err(Impossible("arming of a trigger"));
        }
        if !owed.iter().flatten().all(|fire| fire.is_possible()) {
            return Err(Impossible("fire of a trigger"));
        }
        triggers.last_arming = last_arming;
        let [stream, reply] = owed;
        triggers.outbox.of_mut(Owed::Stream).extend(stream);
        triggers.outbox.of_mut(Owed::Reply).extend(reply);
        Ok(triggers)
    }
}
