//! Where the records of the fake are stored.

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The document store of the fakes: JSON documents by kind and id.
pub trait DocumentStore: Send + Sync + 'static {
    /// Stores a document and replaces any other of that kind and id.
    ///
    /// # Errors
    /// When the document is not stored.
    fn put(&self, kind: &str, id: &str, document: &Value) -> Result<(), DocumentStoreError>;

    /// Removes a document.
    ///
    /// # Errors
    /// When the document is not removed.
    fn remove(&self, kind: &str, id: &str) -> Result<(), DocumentStoreError>;

    /// Lists all documents of a kind.
    ///
    /// # Errors
    /// When the documents cannot be read.
    fn list(&self, kind: &str) -> Result<Vec<Value>, DocumentStoreError>;
}

/// The document store failed.
#[derive(Debug, thiserror::Error)]
#[error("the document store: {0}")]
pub struct DocumentStoreError(pub String);

/// A document store in the memory of the process.
#[derive(Default)]
pub struct MemoryDocumentStore(Mutex<BTreeMap<(String, String), Value>>);

impl DocumentStore for MemoryDocumentStore {
    fn put(&self, kind: &str, id: &str, document: &Value) -> Result<(), DocumentStoreError> {
        let key = (kind.to_owned(), id.to_owned());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, document.clone());
        Ok(())
    }

    fn remove(&self, kind: &str, id: &str) -> Result<(), DocumentStoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(kind.to_owned(), id.to_owned()));
        Ok(())
    }

    fn list(&self, kind: &str) -> Result<Vec<Value>, DocumentStoreError> {
        let documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(documents.iter().filter(|((of, _), _)| of == kind).map(|(_, document)| document.clone()).collect())
    }
}

/// A document store without documents: the records in memory are the only copy.
pub(crate) struct NoDocumentStore;

impl DocumentStore for NoDocumentStore {
    fn put(&self, _: &str, _: &str, _: &Value) -> Result<(), DocumentStoreError> {
        Ok(())
    }

    fn remove(&self, _: &str, _: &str) -> Result<(), DocumentStoreError> {
        Ok(())
    }

    fn list(&self, _: &str) -> Result<Vec<Value>, DocumentStoreError> {
        Ok(Vec::new())
    }
}
