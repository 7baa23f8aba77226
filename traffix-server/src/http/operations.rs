//! The table of operations, read from the OpenAPI document: what is documented is what is answered.

use std::sync::Arc;

use poem::http::{HeaderValue, Method};
use serde_json::Value;

use super::problem::Problem;
use super::stream::EVENT_STREAM;
use crate::api::PREFIX;
use crate::metrics::{Metrics, OperationMetrics};

/// One method of one path.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// The path with its parameters in braces; the label of metrics and logs.
    pub(crate) template: String,
    /// Whether it takes a body.
    pub(crate) has_body: bool,
    /// Whether its answer has no end.
    pub(crate) streams: bool,
    /// As how many requests it counts.
    pub(crate) cost: u32,
    parameters: Vec<String>,
    pub(crate) metrics: OperationMetrics,
}

/// One path.
pub(crate) struct PathEntry {
    segments: Vec<Segment>,
    operations: Vec<Arc<Operation>>,
    /// `Allow`: all methods, with HEAD and OPTIONS.
    pub(crate) allow: HeaderValue,
}

enum Segment {
    Exact(String),
    Parameter,
    Rest,
}

/// All paths.
pub(crate) struct Operations {
    paths: Vec<PathEntry>,
    /// Stands for requests that no path fits.
    pub(crate) unknown: Arc<Operation>,
}

impl Operations {
    /// From an OpenAPI document, plus paths outside of it that answer GET.
    pub(crate) fn new(document: &Value, others: &[&str], compute_cost: u32, metrics: &Metrics) -> Self {
        let documented = document["paths"].as_object().into_iter().flatten();
        let build = |path: &str, item: &Value| entry(path, item, compute_cost, metrics);
        let mut paths: Vec<_> =
            documented.map(|(path, item)| build(&format!("{PREFIX}{path}"), item)).collect();
        paths.extend(others.iter().map(|path| build(path, &serde_json::json!({"get": {}}))));
        // Exact segments before parameters.
        paths.sort_by_key(|path| {
            let rank = |segment: &Segment| matches!(segment, Segment::Parameter | Segment::Rest);
            path.segments.iter().map(rank).collect::<Vec<_>>()
        });
        let unknown = Arc::new(operation("unmatched", "get", &Value::Null, compute_cost, metrics));
        Self { paths, unknown }
    }

    /// The path that fits.
    pub(crate) fn find(&self, path: &str) -> Option<&PathEntry> {
        self.paths.iter().find(|entry| entry.fits(path))
    }
}

impl PathEntry {
    pub(crate) fn operation(&self, method: &Method) -> Option<&Arc<Operation>> {
        self.operations.iter().find(|operation| operation.method == *method)
    }

    fn fits(&self, path: &str) -> bool {
        let mut given = path.strip_prefix('/').unwrap_or(path).split('/');
        for segment in &self.segments {
            match (segment, given.next()) {
                (Segment::Rest, _) => return true,
                (Segment::Exact(want), Some(have)) if want == have => {}
                (Segment::Parameter, Some(have)) if !have.is_empty() => {}
                _ => return false,
            }
        }
        given.next().is_none()
    }
}

impl Operation {
    /// Refuses parameters that the operation does not have: a misspelt filter must not mean "everything".
    pub(crate) fn check_query(&self, query: &str) -> Result<(), Problem> {
        for (name, _) in form_urlencoded::parse(query.as_bytes()) {
            if !self.parameters.iter().any(|known| *known == name) {
                let allowed = if self.parameters.is_empty() {
                    "this operation has no parameters".to_owned()
                } else {
                    format!("not a parameter of this operation; allowed are {}", self.parameters.join(", "))
                };
                let name: String = name.chars().take(100).collect();
                return Err(Problem::parameter(name, allowed));
            }
        }
        Ok(())
    }
}

fn entry(path: &str, item: &Value, compute_cost: u32, metrics: &Metrics) -> PathEntry {
    let methods = item.as_object().into_iter().flatten();
    let build = |(method, about): (&String, _)| operation(path, method, about, compute_cost, metrics);
    let operations: Vec<_> = methods.map(build).map(Arc::new).collect();
    let mut allow: Vec<_> = operations.iter().map(|o| o.method.to_string()).collect();
    if allow.iter().any(|method| method == "GET") {
        allow.push("HEAD".into());
    }
    allow.push("OPTIONS".into());
    allow.sort_unstable();
    let allow =
        HeaderValue::from_str(&allow.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("OPTIONS"));
    let segments = path.strip_prefix('/').unwrap_or(path).split('/').map(segment).collect();
    PathEntry { segments, operations, allow }
}

fn segment(text: &str) -> Segment {
    match text {
        "*" => Segment::Rest,
        text if text.starts_with('{') => Segment::Parameter,
        text => Segment::Exact(text.to_owned()),
    }
}

fn operation(path: &str, method: &str, about: &Value, compute_cost: u32, metrics: &Metrics) -> Operation {
    let parameters = about["parameters"].as_array().into_iter().flatten();
    let in_query = parameters.filter(|p| p["in"] == "query").filter_map(|p| p["name"].as_str());
    let computes = about["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == "Compute"));
    let method: Method = method.to_uppercase().parse().unwrap_or(Method::GET);
    Operation {
        metrics: metrics.operation(&method, path),
        template: path.to_owned(),
        has_body: about.get("requestBody").is_some(),
        streams: about
            .pointer("/responses/200/content")
            .is_some_and(|content| content.get(EVENT_STREAM).is_some()),
        cost: if computes { compute_cost } else { 1 },
        parameters: in_query.map(str::to_owned).collect(),
        method,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_most_exact_path() {
        let document = serde_json::json!({"paths": {
            "/rus/{id}": {"get": {"parameters": [{"in": "query", "name": "as_of"}]}, "put": {"requestBody": {}}},
            "/rus": {"get": {}},
            "/rus/special": {"get": {}},
        }});
        let operations =
            Operations::new(&document, &["/docs/*"], 10, &Metrics::new(&std::sync::Arc::default()));
        let template = |path: &str| {
            let found = operations.find(path)?.operations.first()?;
            Some(found.template.clone())
        };
        assert_eq!(template("/api/v1/rus/x").as_deref(), Some("/api/v1/rus/{id}"));
        assert_eq!(template("/api/v1/rus/special").as_deref(), Some("/api/v1/rus/special"));
        assert_eq!(template("/docs/a/b").as_deref(), Some("/docs/*"));
        assert_eq!(template("/api/v1/rus/"), None);
        assert_eq!(template("/api/v1/rus/x/y"), None);
        let entry = operations.find("/api/v1/rus/x").unwrap();
        assert_eq!(entry.allow, "GET, HEAD, OPTIONS, PUT");
        assert!(entry.operation(&Method::PUT).unwrap().has_body);
        let get = entry.operation(&Method::GET).unwrap();
        assert!(get.check_query("as_of=1").is_ok());
        assert!(get.check_query("asof=1").unwrap_err().detail.contains("as_of"));
    }
}
