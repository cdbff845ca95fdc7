//! The whole product in process, over HTTP.

#![allow(missing_docs, reason = "a test's name says what it shows")]

mod api_keys;
mod changes;
mod client;
mod conventions;
mod described;
mod document;
mod flows;
mod outside;
mod past;
mod plans;
mod problems;
mod records;
mod round_trip;
mod schedules;
mod search;
mod tenants;
