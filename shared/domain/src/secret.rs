//! A type for values that must not be printed.

use zeroize::Zeroize;

/// A value without `Debug`, `Display` or `Serialize`: it reaches a log or a table only through [`Secret::expose`],
/// which is easy to find in a review. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<'de> serde::Deserialize<'de> for Secret<String> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    #[derive(Clone)]
    struct Noting(Rc<Cell<u32>>);

    impl Zeroize for Noting {
        fn zeroize(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn a_secret_and_each_copy_are_wiped_on_drop() {
        let wiped = Rc::new(Cell::new(0));
        let secret = Secret::new(Noting(Rc::clone(&wiped)));
        drop(secret.clone());
        assert_eq!(wiped.get(), 1);
        drop(secret);
        assert_eq!(wiped.get(), 2);
    }

    #[test]
    fn a_secret_deserialises_unchanged() {
        let secret: Secret<String> = serde_json::from_str("\" correct horse \"").unwrap();
        assert_eq!(secret.expose(), " correct horse ");
        assert!(serde_json::from_str::<Secret<String>>("5").is_err());
    }
}
