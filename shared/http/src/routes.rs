//! A function's operations: one list, which is generic over what is made of it. A deployed function makes its router, and
//! then neither executes nor contains the code of the descriptions.

use crate::describe::{Signature, operations};
use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use utoipa::__dev::{SchemaReferences, Tags};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{HttpMethod, OpenApi};

/// What is made of a list of operations: the router, or the description.
pub trait Routes<S>: Sized {
    /// Adds `handler` at the method and path of its `#[utoipa::path]`. [`routes!`](crate::routes) names both arguments.
    #[must_use]
    fn route<H, T, P, A>(self, handler: H, attribute: A) -> Self
    where
        H: Handler<T, S> + Signature<P>,
        T: 'static,
        A: utoipa::Path + SchemaReferences + for<'t> Tags<'t>;

    /// Adds the operations of `group`, with a layer around them, and the description of the layer.
    #[must_use]
    fn group(
        self,
        group: impl FnOnce(Self) -> Self,
        layer: impl FnOnce(Router<S>, &S) -> Router<S>,
        describe: impl Fn(&HttpMethod, &mut Operation),
    ) -> Self;
}

/// Adds handlers with a `#[utoipa::path]` to a list of operations. They are all of this module (`list; a, b`), or each
/// is named with its module (`list; x::a, y::b`).
#[macro_export]
macro_rules! routes {
    ($list:expr; $($module:ident :: $handler:ident),+ $(,)?) => {
        $crate::pastey::paste! {{
            let list = $list;
            $(let list = $crate::Routes::route(list, $module::$handler, $module::[<__path_ $handler>]);)+
            list
        }}
    };
    ($list:expr; $($handler:ident),+ $(,)?) => {
        $crate::pastey::paste! {{
            let list = $list;
            $(let list = $crate::Routes::route(list, $handler, [<__path_ $handler>]);)+
            list
        }}
    };
}

/// Makes the router.
pub struct RouterOf<'a, S> {
    state: &'a S,
    router: Router<S>,
}

impl<'a, S: Clone + Send + Sync + 'static> RouterOf<'a, S> {
    /// Without an operation; layers take what they need from `state`.
    #[must_use]
    pub fn new(state: &'a S) -> Self {
        Self { state, router: Router::new() }
    }

    /// The router, which still needs its state.
    pub fn into_router(self) -> Router<S> {
        self.router
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> for RouterOf<'_, S> {
    fn route<H, T, P, A>(mut self, handler: H, _: A) -> Self
    where
        H: Handler<T, S> + Signature<P>,
        T: 'static,
        A: utoipa::Path + SchemaReferences + for<'t> Tags<'t>,
    {
        for method in A::methods() {
            self.router = self.router.route(&A::path(), on(filter(&method), handler.clone()));
        }
        self
    }

    fn group(
        self,
        group: impl FnOnce(Self) -> Self,
        layer: impl FnOnce(Router<S>, &S) -> Router<S>,
        _: impl Fn(&HttpMethod, &mut Operation),
    ) -> Self {
        let routes = layer(group(Self::new(self.state)).router, self.state);
        Self { router: self.router.merge(routes), ..self }
    }
}

fn filter(method: &HttpMethod) -> MethodFilter {
    match method {
        HttpMethod::Get => MethodFilter::GET,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Trace => MethodFilter::TRACE,
    }
}

/// Makes the function's part of the OpenAPI document.
#[derive(Default)]
pub struct Description(OpenApi);

impl Description {
    /// The part.
    #[must_use]
    pub fn into_openapi(self) -> OpenApi {
        self.0
    }
}

impl<S> Routes<S> for Description {
    fn route<H, T, P, A>(mut self, _: H, _: A) -> Self
    where
        H: Handler<T, S> + Signature<P>,
        T: 'static,
        A: utoipa::Path + SchemaReferences + for<'t> Tags<'t>,
    {
        let mut operation = A::operation();
        operation.tags.get_or_insert_default().extend(A::tags().into_iter().map(str::to_owned));
        H::describe(&mut operation);
        self.0.paths.add_path_operation(A::path(), A::methods(), operation);
        let mut schemas = Vec::new();
        A::schemas(&mut schemas);
        self.0.components.get_or_insert_default().schemas.extend(schemas);
        self
    }

    fn group(
        mut self,
        group: impl FnOnce(Self) -> Self,
        _: impl FnOnce(Router<S>, &S) -> Router<S>,
        describe: impl Fn(&HttpMethod, &mut Operation),
    ) -> Self {
        let Self(mut part) = group(Self::default());
        operations(&mut part.paths).for_each(|(method, operation)| describe(&method, operation));
        self.0.merge(part);
        self
    }
}
