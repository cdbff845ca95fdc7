//! The binary itself, in folders and databases of its own: what it says, how it ends, and what is left of its work
//! when it is killed.

#![allow(missing_docs, reason = "a test's name says what it shows")]

mod api;
mod binary;
mod collector;
mod database;
mod home;
mod plans;
mod process;
mod record;

mod audit;
mod bodies;
mod killed;
mod limits;
mod metrics;
mod models;
mod rebuilding;
mod refusals;
mod scripts;
mod serving;
mod sharing;
mod traces;
