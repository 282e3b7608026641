//! What the process lends to its components.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

/// Things that components find in their context by type: the process's
/// queues, its data folder. The framework itself knows none of them.
///
/// ```
/// use squall_framework::Resources;
/// struct DataFolder(&'static str);
/// let resources = Resources::default().with(DataFolder("squall-data"));
/// assert_eq!(resources.get::<DataFolder>().unwrap().0, "squall-data");
/// ```
#[derive(Clone, Default)]
pub struct Resources(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Resources {
    /// These resources and one more, which replaces one of the same type.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, resource: T) -> Self {
        self.0.insert(TypeId::of::<T>(), Arc::new(resource));
        self
    }

    /// The resource of this type.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resources({})", self.0.len())
    }
}
