//! The settings: their names and defaults, in the order of the example file.

/// One setting. Its default is text like any other value, and read the same way.
#[derive(Debug)]
pub struct Setting {
    /// Its name in `goalwright.toml`.
    pub key: &'static str,
    /// Its name in the environment.
    pub variable: &'static str,
    /// Its value unless it is set; empty where unset means something of its own.
    pub default: &'static str,
}

macro_rules! settings {
    ($($name:ident = $key:literal, $variable:literal, $default:literal;)*) => {
        $(pub(super) const $name: Setting = Setting { key: $key, variable: $variable, default: $default };)*
        /// Every setting.
        pub const SETTINGS: &[&Setting] = &[$(&$name),*];
    };
}

settings! {
    DATABASE_URL = "database_url", "DATABASE_URL", "sqlite://<data dir>/goalwright.db";
    MIGRATE = "migrate", "GOALWRIGHT_MIGRATE", "on";
    DATA_DIR = "data_dir", "GOALWRIGHT_DATA_DIR", "$XDG_DATA_HOME/goalwright";
    BIND = "bind", "GOALWRIGHT_BIND", "127.0.0.1:8080";
    CORS_ORIGINS = "cors_origins", "GOALWRIGHT_CORS_ORIGINS", "";
    RATE_LIMIT = "rate_limit", "GOALWRIGHT_RATE_LIMIT", "1000";
    JWT_SECRET = "jwt_secret", "GOALWRIGHT_JWT_SECRET", "";
    JWT_ISSUER = "jwt_issuer", "GOALWRIGHT_JWT_ISSUER", "";
    JWT_AUDIENCE = "jwt_audience", "GOALWRIGHT_JWT_AUDIENCE", "";
    AUDIT_KEY = "audit_key", "GOALWRIGHT_AUDIT_KEY", "";
    LEASE_MS = "lease_ms", "GOALWRIGHT_LEASE_MS", "30000";
    WORKER_CONCURRENCY = "worker_concurrency", "GOALWRIGHT_WORKER_CONCURRENCY", "16";
    DB_POOL = "db_pool", "GOALWRIGHT_DB_POOL", "10";
    DB_POOL_OVERFLOW = "db_pool_overflow", "GOALWRIGHT_DB_POOL_OVERFLOW", "20";
    HOOKS = "hooks", "GOALWRIGHT_HOOKS", "notes";
    RESULT_FILES = "result_files", "GOALWRIGHT_RESULT_FILES", "on";
    OUTBOUND_ALLOW = "outbound_allow", "GOALWRIGHT_OUTBOUND_ALLOW", "";
    SHELL = "shell", "GOALWRIGHT_SHELL", "off";
    MODEL = "model", "GOALWRIGHT_MODEL", "";
    ANTHROPIC_API_KEY = "anthropic_api_key", "ANTHROPIC_API_KEY", "";
    ANTHROPIC_BASE_URL = "anthropic_base_url", "ANTHROPIC_BASE_URL", "https://api.anthropic.com";
    OPENAI_API_KEY = "openai_api_key", "OPENAI_API_KEY", "";
    OPENAI_BASE_URL = "openai_base_url", "OPENAI_BASE_URL", "https://api.openai.com/v1";
    LLM_TIMEOUT_MS = "llm_timeout_ms", "GOALWRIGHT_LLM_TIMEOUT_MS", "60000";
    LLM_RETRY_ATTEMPTS = "llm_retry_attempts", "GOALWRIGHT_LLM_RETRY_ATTEMPTS", "3";
    LLM_RETRY_MIN_MS = "llm_retry_min_ms", "GOALWRIGHT_LLM_RETRY_MIN_MS", "2000";
    LLM_RETRY_MAX_MS = "llm_retry_max_ms", "GOALWRIGHT_LLM_RETRY_MAX_MS", "10000";
    LLM_BREAKER_FAILURES = "llm_breaker_failures", "GOALWRIGHT_LLM_BREAKER_FAILURES", "3";
    LLM_BREAKER_OPEN_MS = "llm_breaker_open_ms", "GOALWRIGHT_LLM_BREAKER_OPEN_MS", "60000";
    PRICES = "prices", "GOALWRIGHT_PRICES", "";
    METRICS = "metrics", "GOALWRIGHT_METRICS", "auto";
    OTLP_ENDPOINT = "otel_exporter_otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", "";
    LOG_FORMAT = "log_format", "GOALWRIGHT_LOG_FORMAT", "text";
    RUST_LOG = "rust_log", "RUST_LOG", "info";
}
