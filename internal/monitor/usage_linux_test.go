package monitor

import "testing"

func TestResidentMemory(t *testing.T) {
	if got := residentBytes([]byte("5000 1234 800 1 0 900 0\n"), 4096); got != 1234*4096 {
		t.Errorf("resident bytes: %d", got)
	}
	for _, odd := range []string{"", "5000", "5000 x"} {
		if got := residentBytes([]byte(odd), 4096); got < 1<<20 {
			t.Errorf("statm %q: %d bytes", odd, got)
		}
	}
	if resident := residentMemory(); resident < 1<<20 {
		t.Errorf("resident memory: %d bytes", resident)
	}
}
