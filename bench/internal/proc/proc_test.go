package proc

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestCPUTimeOfAnotherProcessAdvancesWithItsWork(t *testing.T) {
	// The shell burns CPU until its standard input says stop.
	shell := exec.Command("sh", "-c", "while :; do :; done")
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		shell.Process.Kill()
		shell.Wait()
	}()
	begin, err := CPUTime(shell.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	const step = 3 * time.Millisecond
	fine := false
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		now, err := CPUTime(shell.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if now > begin && now-begin < step {
			fine = true
		}
		if now-begin >= step {
			if !fine {
				t.Skip("never looked within the first 3 ms: machine too busy to judge the resolution")
			}
			return
		}
	}
	t.Fatal("the clock of a busy process did not advance")
}

func TestCPUTimeOfNoProcessIsAnError(t *testing.T) {
	done := exec.Command("true")
	if err := done.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := CPUTime(done.Process.Pid); err == nil {
		t.Fatal("got the CPU time of a process that has ended")
	}
}

func TestReadMemorySeesAllocation(t *testing.T) {
	before, err := ReadMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	block := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	after, err := ReadMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if grown := after.Resident - before.Resident; grown < size*9/10 || after.Peak < after.Resident {
		t.Fatalf("wrote %d bytes, resident grew by %d, peak %d", size, grown, after.Peak)
	}
	if block[4096] != 1 {
		t.Fatal("unreachable, keeps the block alive")
	}
}

func TestKilobytesRefusesOtherText(t *testing.T) {
	for _, text := range []string{"", "VmRSS:\t12 MB\n", "VmRSS: x kB\n", "VmHWM: 12 kB\n"} {
		if n, err := kilobytes([]byte(text), "VmRSS:"); err == nil {
			t.Errorf("%q gave %d", text, n)
		}
	}
}

func TestHoldsSocketFollowsTheClosingOfOneSide(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	port := func(a net.Addr) int { return a.(*net.TCPAddr).Port }
	inode, err := Socket(port(listener.Addr()), port(client.LocalAddr()))
	if err != nil {
		t.Fatal(err)
	}
	look := func() bool {
		up, err := HoldsSocket(os.Getpid(), inode)
		if err != nil {
			t.Fatal(err)
		}
		return up
	}
	if !look() {
		t.Fatal("an open connection is not seen")
	}
	// Fill the buffers so that the close stays pending: the client never reads.
	server.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	io.Copy(server, strings.NewReader(strings.Repeat("x", 32<<20)))
	if !look() {
		t.Fatal("a connection whose peer does not read is not seen")
	}
	server.Close()
	if look() {
		t.Fatal("a connection that the server closed counts as held")
	}
	if _, err := Socket(port(listener.Addr()), port(client.LocalAddr())); err == nil {
		t.Fatal("a socket that nobody holds was found")
	}
}

func TestSocketParsesTheKernelsTable(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:107E 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11111 1 0
   1: 0100007F:107E 0200007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 22222 1 0
   2: 0100007F:107E 0200007F:9C41 04 00000000:00000000 01:00000000 00000000     0        0 0 1 0
`
	for remote, want := range map[int]uint64{0x9C40: 22222, 0x9C41: 0, 0x9C42: 0} {
		got, err := socket(bufio.NewScanner(strings.NewReader(table)), 0x107E, remote)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("port %x: %v, %v", remote, got, err)
		}
	}
}

func TestRaiseFilesReachesTheHardLimit(t *testing.T) {
	first, err := RaiseFiles()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := RaiseFiles(); err != nil || second != first || first == 0 {
		t.Fatalf("%d, then %d, %v", first, second, err)
	}
}
