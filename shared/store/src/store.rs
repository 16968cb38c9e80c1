//! The tables of one deployment, as a role may use them.

use crate::roles::{Includes, Operator, Role};
use crate::table::client::Tables;
use aws_types::SdkConfig;
use std::marker::PhantomData;
use std::ops::Deref;

/// The tables of one deployment, as the role `R` may use them.
#[derive(Clone, Debug)]
pub struct Store<R: Role = Operator> {
    tables: Tables,
    role: PhantomData<R>,
}

impl<R: Role> Store<R> {
    /// The tables whose names start with `prefix`, with the settings of `sdk`. It makes no call.
    #[must_use]
    pub fn new(sdk: &SdkConfig, prefix: impl Into<String>) -> Self {
        let prefix: String = prefix.into();
        Self { tables: Tables::new(sdk, prefix.into()), role: PhantomData }
    }

    /// The same tables with the capabilities of `N` only, for a component that needs no others.
    #[must_use]
    pub fn narrow<N: Role>(&self) -> Store<N>
    where
        R: Includes<N>,
    {
        Store { tables: self.tables.clone(), role: PhantomData }
    }
}

impl<R: Role> Deref for Store<R> {
    type Target = Tables;

    fn deref(&self) -> &Tables {
        &self.tables
    }
}
