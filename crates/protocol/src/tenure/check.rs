//! The self-check: whether this worker is still the one, and putting back what was lost.

use std::sync::atomic::Ordering;

use super::{Superseded, Tenure};
use crate::machine::OfficeCheck;
use crate::sabotage::{self, Sabotage};

impl Tenure {
    /// The self-check, to be made every few seconds: makes and locks the lock file again if it was lost, and writes record, secrets and pid
    /// file again if they were lost or changed.
    ///
    /// # Errors
    /// [`Superseded`] if the directory is no longer the one at the path: stop.
    pub async fn check(&self) -> Result<(), Superseded> {
        self.check_office().await?;
        let mut published = self.published.lock().await;
        if !self.ended.load(Ordering::SeqCst) && !sabotage::on(Sabotage::NoHealing) {
            // A full disk must not end a worker that serves: tried again with the next check.
            let _ = published.files.heal(self.directory()).await;
        }
        Ok(())
    }

    pub(super) async fn check_office(&self) -> Result<(), Superseded> {
        if let Some(superseded) = self.superseded.get() {
            return Err(superseded.clone());
        }
        match self.office.check().await {
            Ok(OfficeCheck::Superseded) => {
                let why = format!(
                    "{} is no longer the directory that this worker holds",
                    self.id.state_dir.display()
                );
                Err(self.superseded.get_or_init(|| Superseded { why }).clone())
            }
            // Contested: somebody locked a new lock file, finds the directory held, and gives up.
            Ok(OfficeCheck::Held | OfficeCheck::Remade | OfficeCheck::Contested) => Ok(()),
            // Not being able to look (too many open files, say) is no evidence of anything.
            Err(_) => Ok(()),
        }
    }
}
