// Package proc looks at other processes of this machine: how much CPU time they have used, how much memory they
// hold, whether they still hold a socket. It is the measuring side of the benchmark and works on Linux only.
//
// CPU time comes from the process's CPU clock (clock_gettime on the id that clock_getcpuclockid returns). It has
// nanosecond resolution, covers all threads, ended ones included, and can be read at any moment; the tick counters
// in /proc/<pid>/stat step by 10 ms and getrusage knows a child only after its end.
//
// Nothing here needs the other process's help and nothing here keeps state.
package proc
