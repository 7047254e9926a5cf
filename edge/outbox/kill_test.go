package outbox_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/concord-trust/concord/edge/outbox"
)

// The environment by which a test process is told to be the member that is
// killed.
const (
	childDir  = "OUTBOX_TEST_DIR"
	childFail = "OUTBOX_TEST_FAIL"
	childNth  = "OUTBOX_TEST_NTH"
)

// TestMember is the member's process; it does nothing unless it was started by
// TestKilledAtAnyPointNothingIsLostOrCountedTwice.
func TestMember(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("runs as a child only")
	}
	o := newOutbox(t, dir, &fileHub{dir: dir})
	var nth, seen int
	fmt.Sscan(os.Getenv(childNth), &nth)
	o.Fail = func(point string) {
		if point != os.Getenv(childFail) {
			return
		}
		if seen++; seen == nth {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}
	for _, text := range []string{"A", "B"} {
		put(t, o, cases(t, 3, text))
	}
	deliver(t, o)
}

func TestKilledAtAnyPointNothingIsLostOrCountedTwice(t *testing.T) {
	for _, point := range outbox.Failpoints() {
		for nth := 1; nth <= 2; nth++ {
			t.Run(fmt.Sprintf("%s, time %d", point, nth), func(t *testing.T) {
				dir := t.TempDir()
				run := func(point string) error {
					cmd := exec.Command(os.Args[0], "-test.run=^TestMember$", "-test.count=1")
					cmd.Env = append(os.Environ(), childDir+"="+dir, childFail+"="+point, fmt.Sprintf("%s=%d", childNth, nth))
					out, err := cmd.CombinedOutput()
					if err != nil && point == "" {
						t.Logf("%s", out)
					}
					return err
				}
				var exit *exec.ExitError
				if err := run(point); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the member was not killed: %v", err)
				}
				if err := run(""); err != nil {
					t.Fatal(err)
				}
				o := newOutbox(t, dir, nil)
				n := counts(t, o)
				if n.Waiting != 0 || n.Pending != 0 || n.Refused != 0 {
					t.Errorf("after the restart the queue counts %+v", n)
				}
				accepted := (&fileHub{dir: dir}).load().Accepted
				for id, times := range accepted {
					if times != 1 {
						t.Errorf("%s was counted %d times", id, times)
					}
				}
				// Three cases in two versions, whose revisions depend on what
				// was queued when the member was killed.
				reports := map[string]bool{}
				for id := range accepted {
					reports[id[:28]] = true
				}
				if len(reports) != 3 || len(accepted) < 6 {
					t.Errorf("the hub has %d revisions of %d reports", len(accepted), len(reports))
				}
				if receipted := int(n.Accepted); receipted != len(accepted) {
					t.Errorf("%d reports were accepted, and the member knows of %d", len(accepted), receipted)
				}
			})
		}
	}
}
