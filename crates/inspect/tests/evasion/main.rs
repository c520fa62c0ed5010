//! Tricks that show a filter other bytes than the receiver gets: every TCP and IP row of the threat
//! catalogue (TC-*, IP-*), the list of Ptacek and Newsham (1998) and fragroute's modules, as named cases.
//! Each says what becomes of every segment; the denied message never arrives whole, whether its receiver
//! keeps the first bytes of an overlap or the last. The numbers of the streams are close to their wrap.

mod bytes;
mod control;
mod ip;
mod multipath;
mod opening;
mod scene;
mod tables;
