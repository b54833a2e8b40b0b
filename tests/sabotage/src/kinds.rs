//! The list of what can be taken away, one name for each.

use std::fmt;
use std::str::FromStr;

use oneworker_protocol::sabotage as product;

macro_rules! sabotages {
    (
        by_a_wrapper { $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+ }
        in_the_product { $($(#[doc = $kept_doc:literal])+ $kept:ident = $kept_name:literal,)+ }
    ) => {
        /// A protection that can be taken away. Each variant says which one, and what must notice.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Sabotage {
            $($(#[doc = $doc])+ $variant,)+
            $($(#[doc = $kept_doc])+ $kept,)+
        }

        impl Sabotage {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+ $(Self::$kept,)+];

            /// Its name, as in [`VARIABLE`](crate::VARIABLE).
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    $(Self::$kept => $kept_name,)+
                }
            }
        }

        impl From<product::Sabotage> for Sabotage {
            fn from(kept: product::Sabotage) -> Self {
                match kept {
                    $(product::Sabotage::$kept => Self::$kept,)+
                }
            }
        }
    };
}

sabotages! {
    by_a_wrapper {
        /// The elected takes the tenure for vacant without looking. To be noticed: a launch beside
        /// a worker that is well.
        NoSecondProbe = "no_second_probe",
        /// The election is let go at once, not after readiness. To be noticed: two launches at the
        /// same time.
        ElectionNotHeld = "election_not_held",
        /// The record's pid is asked whether it lives, and the lock is not: a pid file believed. To
        /// be noticed: a worker that no session replaces since its pid was reused, or a launch
        /// beside one whose record was lost.
        RecordBelieved = "record_believed",
        /// The lock file is removed when its worker ends. To be noticed: a worker that takes office
        /// on a file that no other process finds, and must make it again.
        LockFileUnlinked = "lock_file_unlinked",
        /// A silence is forgotten with the call that saw it. To be noticed: a hung worker that
        /// sessions with short deadlines never replace.
        SilenceNotRemembered = "silence_not_remembered",
        /// Failures of other sessions hold no launch back. To be noticed: a crashing worker that
        /// each session launches.
        BackoffNotShared = "backoff_not_shared",
        /// A launch that is on its way is not waited for. To be noticed: a launch beside it, after
        /// its session was killed or stopped.
        LaunchNoteIgnored = "launch_note_ignored",
        /// The process that has the pid at the moment is signalled. To be noticed: a stranger that
        /// got a signal.
        KillWithoutStartTime = "kill_without_start_time",
        /// The epoch may be lost with the power. To be noticed: an epoch that comes twice after a
        /// power failure.
        EpochNotSynced = "epoch_not_synced",
        /// The predecessor's record is not asked for its epoch. To be noticed: an epoch that comes
        /// twice after its file was lost.
        EpochFileAlone = "epoch_file_alone",
        /// A worker under a debugger is judged like any other. To be noticed: a traced worker that
        /// got a signal.
        DebuggerIgnored = "debugger_ignored",
        /// Each challenge is the same. To be noticed: an old answer that passed for a proof.
        ChallengeReused = "challenge_reused",
        /// A worker whose directory was replaced goes on. To be noticed: two workers that serve, or
        /// a proof for a directory that is gone.
        SupersededKeepsServing = "superseded_keeps_serving",
        /// A proof clears no suspicion. To be noticed: a worker killed for silences between which
        /// it answered.
        ProofKeepsSuspicion = "proof_keeps_suspicion",
        /// The record is written before the lock is won. To be noticed: a loser's record in place
        /// of the winner's.
        RecordBeforeClaim = "record_before_claim",
        /// There is no way past an elected session that is stopped. To be noticed: sessions that
        /// end without a worker while one could start.
        RankAlwaysZero = "rank_always_zero",
        /// A launched process that is dead but not reaped is waited for. To be noticed: a launch
        /// that no session makes until the hang limit.
        ZombieTakenForAlive = "zombie_taken_for_alive",
        /// What was noted in another boot is believed. To be noticed: launches held back by what
        /// happened before a reboot, and another boot's record that passes for this one's.
        BootIgnored = "boot_ignored",
        /// A worker that finds the tenure lock free takes it although it is reserved for a successor.
        /// To be noticed: a worker that comes between the two of a hand-over.
        SuccessorIgnored = "successor_ignored",
        /// It is not noted which version has replaced which. To be noticed: versions that replace
        /// each other without end.
        LedgerIgnored = "ledger_ignored",
        /// A worker that hands over leaves office before it says for which process it is reserved.
        /// To be noticed: another worker in office in between.
        OfficeLeftUnkept = "office_left_unkept",
    }
    in_the_product {
        /// What was locked is not compared with what is at the path, neither after the claim nor
        /// later. To be noticed: two workers in office, one in a directory that was replaced;
        /// proofs given for a directory that is gone.
        LockPathUnchecked = "lock_path_unchecked",
        /// The election's lock may be on a file that was replaced. To be noticed: two sessions
        /// elected at the same rank.
        ElectionPathUnchecked = "election_path_unchecked",
        /// Neither claim nor look uses the directory's lock. To be noticed: two workers in office
        /// after the lock file was deleted.
        DirectoryLockLeftOut = "directory_lock_left_out",
        /// An answer is believed without key and epoch. To be noticed: a session that was handed a
        /// squatter, or a predecessor.
        HealthWithoutProof = "health_without_proof",
        /// Of a watch that took longer than it was asked to, all counts. To be noticed: a worker
        /// killed on a loaded machine that was hardly watched.
        OvershootCounted = "overshoot_counted",
        /// The watch that begins a suspicion counts too. To be noticed: a worker killed for a
        /// silence in which it answered another session.
        FirstSilenceCounts = "first_silence_counts",
        /// A busy worker and one that is starting get no longer than an idle one. To be noticed: a
        /// worker killed while it was at work.
        BusyTakenForHung = "busy_taken_for_hung",
        /// A held lock without a good answer is launched past. To be noticed: launches beside a
        /// worker in office.
        HeldLockPassed = "held_lock_passed",
        /// What is taken away from a worker in office is not put back. To be noticed: a worker that
        /// is well and that no session finds.
        NoHealing = "no_healing",
        /// A call has no end. To be noticed: an answer after the deadline, or none.
        DeadlineNotKept = "deadline_not_kept",
        /// An answer for another address than the one that was dialled is taken. To be noticed: a
        /// session that was handed a squatter who passes questions on.
        AddressUnchecked = "address_unchecked",
        /// A commit is not held against the fence. To be noticed: a row of a lower epoch after the
        /// claim of a higher one.
        FenceUnchecked = "fence_unchecked",
        /// What is committed behind the fence, its claim too, may be lost with the power. To be
        /// noticed: an epoch of a fence that goes back.
        ClaimNotSynced = "claim_not_synced",
        /// A client is told that its data is safe before it is committed. To be noticed: rows that
        /// are lost with the power.
        AnsweredBeforeCommit = "answered_before_commit",
        /// An older session has a newer worker hand over. To be noticed: a downgrade.
        DowngradeAllowed = "downgrade_allowed",
        /// A worker that hands over does not look whether its successor still lives. To be noticed:
        /// no worker in office, although there was no need.
        DeadSuccessorTrusted = "dead_successor_trusted",
        /// A worker that seems unneeded leaves although it has just been given to a session. To be
        /// noticed: a session whose worker was on its way out when it was given.
        LeavesWhenAsked = "leaves_when_asked",
    }
}

impl fmt::Display for Sabotage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No sabotage has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no sabotage {0:?}")]
pub struct UnknownSabotage(pub String);

impl FromStr for Sabotage {
    type Err = UnknownSabotage;

    fn from_str(name: &str) -> Result<Self, UnknownSabotage> {
        let found = Self::ALL.iter().find(|sabotage| sabotage.name() == name);
        found.copied().ok_or_else(|| UnknownSabotage(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_read_back_and_none_is_given_twice() {
        for (i, sabotage) in Sabotage::ALL.iter().enumerate() {
            assert_eq!(sabotage.name().parse(), Ok(*sabotage));
            assert!(!Sabotage::ALL[..i].contains(sabotage));
        }
        assert!("nothing".parse::<Sabotage>().is_err());
    }
}
