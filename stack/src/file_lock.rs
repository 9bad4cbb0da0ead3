//! A file that one process at a time holds locked.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Released when dropped, and by the end of the process that holds it.
///
/// A process that was forked meanwhile has the same open file until it executes its program. So
/// closing the file would not release the lock at once: it is unlocked.
pub(crate) struct FileLock {
    file: File,
}

impl FileLock {
    /// Makes the file if it is missing. `None` while another holds it.
    pub(crate) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        Self::try_lock(File::create(path)?)
    }

    /// Makes the file if it is missing, and waits while another holds it.
    pub(crate) fn take(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        file.lock()?;
        Ok(Self { file })
    }

    /// A file that is missing is held by nobody.
    pub(crate) fn is_held(path: &Path) -> bool {
        File::open(path).and_then(Self::try_lock).is_ok_and(|lock| lock.is_none())
    }

    fn try_lock(file: File) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!FileLock::is_held(&path));
        let lock = FileLock::try_take(&path).unwrap();
        assert!(lock.is_some() && FileLock::is_held(&path));
        assert!(FileLock::try_take(&path).unwrap().is_none());
        drop(lock);
        assert!(!FileLock::is_held(&path));
        FileLock::take(&path).unwrap();
    }

    #[test]
    fn it_is_released_although_a_process_that_was_forked_meanwhile_still_has_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = FileLock::take(&path).unwrap();
        let forked = lock.file.try_clone().unwrap();
        drop(lock);
        assert!(!FileLock::is_held(&path));
        drop(forked);
    }
}
