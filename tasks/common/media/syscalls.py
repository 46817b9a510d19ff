"""The system calls that an isolated worker may make, with their numbers.

Numbers are those of asm/unistd_64.h (x86-64) and asm-generic/unistd.h (aarch64); a dash where an
architecture has no such call. A call that is not listed is refused: whoever adds one answers for
what it lets a decoder do that an attacker has taken over.
"""

# Not here, on purpose: open and creat (`openat` is inspected), chmod, chown, setxattr and
# utimensat (Landlock does not cover them), fork, execve, ptrace, process_vm_readv, pidfd_*,
# memfd_create and shmget (memory beyond the limit), sendmsg (it passes open files), io_uring,
# keyctl, mount, bpf and everything else that no decoder needs.
_ALWAYS = """
read 0 63               write 1 64              readv 19 65             writev 20 66
pread64 17 67           pwrite64 18 68          preadv 295 69           pwritev 296 70
lseek 8 62              close 3 57              fstat 5 80              newfstatat 262 79
stat 4 -                lstat 6 -               statx 332 291           access 21 -
faccessat 269 48        faccessat2 439 439      readlink 89 -           readlinkat 267 78
getdents64 217 61       getcwd 79 17            dup 32 23               dup2 33 -
dup3 292 24             flock 73 32             fsync 74 82             fdatasync 75 83
ftruncate 77 46         fadvise64 221 223       fallocate 285 47        mmap 9 222
munmap 11 215           mprotect 10 226         mremap 25 216           madvise 28 233
brk 12 214              msync 26 227            mincore 27 232          membarrier 324 283
rt_sigaction 13 134     rt_sigprocmask 14 135   rt_sigreturn 15 139     rt_sigtimedwait 128 137
sigaltstack 131 132     futex 202 98            set_robust_list 273 99  get_robust_list 274 100
rseq 334 293            set_tid_address 218 96  exit 60 93              exit_group 231 94
gettid 186 178          getpid 39 172           getppid 110 173         getuid 102 174
geteuid 107 175         getgid 104 176          getegid 108 177         clock_gettime 228 113
clock_getres 229 114    clock_nanosleep 230 115 nanosleep 35 101        gettimeofday 96 169
time 201 -              times 100 153           getrusage 98 165        getcpu 309 168
sched_yield 24 124      sched_getaffinity 204 123                       sched_getparam 143 121
sched_getscheduler 145 120                      sched_get_priority_max 146 125
sched_get_priority_min 147 126                  uname 63 160            sysinfo 99 179
getrandom 318 278       arch_prctl 158 -        poll 7 -                ppoll 271 73
select 23 -             pselect6 270 72         pipe 22 -               pipe2 293 59
eventfd2 290 19         sendto 44 206           recvfrom 45 207         shutdown 48 210
restart_syscall 219 128 getrlimit 97 163
"""
# Only with an argument that `seccomp` inspects.
_INSPECTED = """
openat 257 56           clone 56 220            clone3 435 435          kill 62 129
tgkill 234 131          prctl 157 167           prlimit64 302 261       ioctl 16 29
fcntl 72 25             socket 41 198
"""
_NETWORK = """
connect 42 203          bind 49 200             sendmsg 46 211          sendmmsg 307 269
recvmsg 47 212          recvmmsg 299 243        getsockname 51 204      getpeername 52 205
getsockopt 55 209       setsockopt 54 208       epoll_create1 291 20    epoll_ctl 233 21
epoll_wait 232 -        epoll_pwait 281 22      rename 82 -             renameat 264 38
renameat2 316 276       unlink 87 -             unlinkat 263 35         mkdir 83 -
mkdirat 258 34
"""
ARCHITECTURES = {"x86_64": 0, "aarch64": 1}
"""The column of each machine that `os.uname` names."""


def numbers_always(column: int) -> list[int]:
    """Return the calls of any worker."""
    return list(_parse(_ALWAYS, column).values())


def numbers_inspected(column: int) -> dict[str, int]:
    """Return the calls that depend on an argument, by name."""
    return _parse(_INSPECTED, column)


def numbers_network(column: int) -> list[int]:
    """Return the calls of a worker that downloads, beyond the others."""
    return list(_parse(_NETWORK, column).values())


def _parse(table: str, column: int) -> dict[str, int]:
    words = table.split()
    calls = {words[at]: words[at + 1 + column] for at in range(0, len(words), 3)}
    return {name: int(number) for name, number in calls.items() if number != "-"}
