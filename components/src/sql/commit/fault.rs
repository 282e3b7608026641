//! What a failure of the database means for a commit.

use squall_framework::StoreFault;

use crate::sql::error::Failure;

impl From<Failure> for StoreFault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Again(error) => StoreFault::Retry(error.to_string()),
            Failure::Store(error) => StoreFault::Refused(error.to_string()),
            Failure::Unknown(error) => StoreFault::Unknown(error.to_string()),
            // Rows are reported one by one; this is a row of ours, or none in particular.
            Failure::Row(reason) => {
                StoreFault::Refused(format!("the commit was rejected: {reason}"))
            }
        }
    }
}
