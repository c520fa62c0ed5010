//! Segments lost before the gateway: their sender is told of what is held behind them, as its receiver
//! would tell it, and repeats them without waiting for its timer.

mod exact;
mod sender;
