//! The edge: HTTP, the command line, the configuration. Knows protocols and people's habits; knows
//! no rule of an auction, and no SQL.
//!
//! In reading order: [`cli`], [`config`], [`house`], [`listen`], [`http`], [`live`], [`observe`].

pub mod audit;
pub mod chance;
pub mod cli;
pub mod config;
pub mod demo;
pub mod house;
pub mod http;
pub mod keys;
pub mod listen;
pub mod live;
pub mod mail;
pub mod notifier;
pub mod observe;
pub mod operations;
pub mod outside;
pub mod passwords;
pub mod permissions;
pub mod pictures;
pub mod places;
pub mod redis_view;
pub mod second_factor;
pub mod shills;
pub mod tasks;
pub mod tombstone;
pub mod upkeep;
