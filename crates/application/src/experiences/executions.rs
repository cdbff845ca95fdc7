use std::collections::HashMap;

use super::Experiences;
use crate::read::{ExecutionFilter, ExecutionView, HookView, Page, PageRequest};
use crate::{Context, Error};

impl Experiences {
    /// Executions, the latest begun first, with what ran after them.
    ///
    /// # Errors
    /// What storage says.
    pub async fn executions(
        &self,
        context: &Context,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionView>, Error> {
        self.catch_up().await;
        let workspace = context.workspace();
        let mut found = self.queries.executions(workspace, filter, page).await?;
        let ids: Vec<String> = found.items.iter().map(|view| view.experience.id.clone()).collect();
        let mut hooks: HashMap<String, Vec<HookView>> = HashMap::new();
        for hook in self.queries.hooks_after(workspace, &ids).await? {
            hooks.entry(hook.experience_id.clone()).or_default().push(hook);
        }
        for view in &mut found.items {
            view.hooks = hooks.remove(&view.experience.id).unwrap_or_default();
        }
        Ok(found)
    }
}
