/// A protection that no trait of a machine shows, so that no wrapper around one can take it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// What was locked is not compared with what is at the path.
    LockPathUnchecked,
    /// The election's lock may be on a file that was replaced.
    ElectionPathUnchecked,
    /// Neither claim nor look uses the directory's lock.
    DirectoryLockLeftOut,
    /// An answer is believed without key and epoch.
    HealthWithoutProof,
    /// Of a watch that took longer than it was asked to, all counts.
    OvershootCounted,
    /// The watch that begins a suspicion counts too.
    FirstSilenceCounts,
    /// A busy worker, and one that is starting, gets no longer than an idle one.
    BusyTakenForHung,
    /// A held lock without a good answer is launched past.
    HeldLockPassed,
    /// What is taken away from a worker in office is not put back.
    NoHealing,
    /// A call has no end.
    DeadlineNotKept,
    /// An answer for another address than the one that was dialled is taken.
    AddressUnchecked,
    /// A commit is not held against the fence.
    FenceUnchecked,
    /// What is committed behind the fence may be lost with the power.
    ClaimNotSynced,
    /// A client is told that its data is safe before it is committed.
    AnsweredBeforeCommit,
    /// An older session has a newer worker hand over.
    DowngradeAllowed,
    /// A worker that hands over does not check whether its successor lives.
    DeadSuccessorTrusted,
    /// A worker leaves although it has just been given to a session.
    LeavesWhenAsked,
}
