package options

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// parse runs ConfigureOptions and tells which of the texts was to be printed.
func parse(args ...string) (o *Options, printed string, err error) {
	print := func(what string) func() { return func() { printed += what } }
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	o, err = ConfigureOptions(fs, args, print("version"), print("help"), print("tls"))
	return o, printed, err
}

func parsed(t *testing.T, args ...string) *Options {
	t.Helper()
	o, printed, err := parse(args...)
	if err != nil || printed != "" {
		t.Fatalf("%q: printed %q, %v", args, printed, err)
	}
	return o
}

func TestEveryFlagFillsItsField(t *testing.T) {
	certFile, keyFile := pair(t)
	for _, c := range []struct {
		args []string
		want Options
	}{
		{[]string{"-a h", "-addr h", "-net h", "--net=h"}, Options{Host: "h"}},
		{[]string{"-p 1", "-port 1", "--port=1"}, Options{Port: 1}},
		{[]string{"-n s", "-name s", "-server_name s"}, Options{ServerName: "s"}},
		{[]string{"-client_advertise h:1"}, Options{ClientAdvertise: "h:1"}},
		{[]string{"-m 1", "-http_port 1"}, Options{HTTPPort: 1}},
		{[]string{"-ms 1", "-https_port 1"}, Options{HTTPSPort: 1}},
		{[]string{"-profile 1"}, Options{ProfPort: 1}},
		{[]string{"-P f", "-pid f"}, Options{PidFile: "f"}},
		{[]string{"-ports_file_dir d"}, Options{PortsFileDir: "d"}},
		{[]string{"-l f", "-log f"}, Options{LogFile: "f"}},
		{[]string{"-logtime_utc"}, Options{LogtimeUTC: true}},
		{[]string{"-s", "-syslog"}, Options{Syslog: true}},
		{[]string{"-r u", "-remote_syslog u"}, Options{RemoteSyslog: "u"}},
		{[]string{"-D", "-debug"}, Options{Debug: true}},
		{[]string{"-V", "-trace"}, Options{Trace: true}},
		{[]string{"-VV"}, Options{Trace: true, TraceVerbose: true}},
		{[]string{"-DV"}, Options{Debug: true, Trace: true}},
		{[]string{"-DVV"}, Options{Debug: true, Trace: true, TraceVerbose: true}},
		{[]string{"-log_size_limit 9"}, Options{LogSizeLimit: 9}},
		{[]string{"-max_traced_msg_len 9"}, Options{MaxTracedMsgLen: 9}},
		{[]string{"-user u -pass p"}, Options{Username: "u", Password: "p"}},
		{[]string{"-auth t"}, Options{Authorization: "t"}},
		{[]string{"-sl ldm=12", "-signal ldm=12"}, Options{Signal: "ldm=12"}},
		{[]string{"-tls -tlscert " + certFile + " -tlskey " + keyFile}, Options{TLS: true, TLSCert: certFile, TLSKey: keyFile}},
		{[]string{"-tlsverify -tlscacert " + certFile + " -tlscert " + certFile + " -tlskey " + keyFile},
			Options{TLS: true, TLSVerify: true, TLSCaCert: certFile, TLSCert: certFile, TLSKey: keyFile}},
	} {
		c.want.Logtime = true
		for _, args := range c.args {
			got := parsed(t, strings.Fields(args)...)
			if got.TLS != (got.TLSConfig != nil) {
				t.Errorf("%s: TLS %v without a configuration", args, got.TLS)
			}
			got.TLSConfig = nil
			if diff := cmp.Diff(&c.want, got, ignorePrivate); diff != "" {
				t.Errorf("%s:\n%s", args, diff)
			}
		}
	}
	for _, flag := range []string{"-T=false", "-logtime=false"} {
		if parsed(t, flag).Logtime {
			t.Errorf("%s leaves the time stamps", flag)
		}
	}
}

// Go: TestProcessCommandLineArgs server/server_test.go:773
func TestWhatIsPrintedInsteadOfRunning(t *testing.T) {
	for args, want := range map[string]string{
		"-v": "version", "-version": "version", "version": "version", "-h": "help", "-help": "help", "help": "help",
		"HELP": "help", "-help_tls": "tls", "-p 1 -v": "version", "-a h version": "version",
	} {
		if o, printed, err := parse(strings.Fields(args)...); o != nil || err != nil || printed != want {
			t.Errorf("%s: %v, printed %q, %v", args, o, printed, err)
		}
	}
}

func TestBadCommandLines(t *testing.T) {
	certFile, _ := pair(t)
	for args, want := range map[string]string{
		"foo":                       `unrecognized command: "foo"`,
		"foo -p 9090":               `unrecognized command: "foo"`,
		"-xxx foo":                  "flag provided but not defined: -xxx",
		"-p x":                      "-p",
		"-c /none.cfg":              "no such file",
		"-t":                        "must specify [-c, --config] option to check configuration file syntax",
		"-tls":                      "TLS Server certificate must be present and valid",
		"-tls -tlscert " + certFile: "TLS Server private key must be present and valid",
		"-tls -tlscert " + certFile + " -tlskey /none.pem": "no such file",
	} {
		if o, printed, err := parse(strings.Fields(args)...); o != nil || printed != "" || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, printed %q, %v", args, o, printed, err)
		}
	}
	var usage *UsageError
	if _, _, err := parse("-xxx"); !errors.As(err, &usage) {
		t.Errorf("%T", err)
	}
	if _, _, err := parse("foo"); errors.As(err, &usage) {
		t.Error("a wrong command exits as a wrong flag does")
	}
	for _, name := range unsupportedFlags {
		if _, _, err := parse("-"+name, "x"); err == nil || !strings.Contains(err.Error(), "-"+name+" is not supported yet") {
			t.Errorf("-%s: %v", name, err)
		}
	}
}

func TestFlagsTakePrecedenceOverTheFile(t *testing.T) {
	file := write(t, "x.conf", "port: 4242\ntrace: true\ndebug: false\nsyslog: true\nlogtime: false\nserver_name: n\nmax_payload: 65536\n")
	o := parsed(t, "-c", file)
	if !o.Trace || o.Debug || o.Logtime || o.Port != 4242 || o.ConfigFile != file {
		t.Errorf("%+v", o)
	}
	for args, want := range map[string][3]bool{ // debug, trace, verbose
		"": {false, true, false}, "-V=false": {}, "-trace=false": {}, "-DV=false": {}, "-DV": {true, true, false},
		"-VV=false": {}, "-DVV=false": {}, "-DVV": {true, true, true}, "-D": {true, true, false}, "-V": {false, true, false},
	} {
		o := parsed(t, append([]string{"-c", file}, strings.Fields(args)...)...)
		if got := [3]bool{o.Debug, o.Trace, o.TraceVerbose}; got != want {
			t.Errorf("%q: %v, want %v", args, got, want)
		}
	}
	o = parsed(t, "-config", file, "-p", "2222", "-s=false", "-T", "-name", "m")
	if o.Port != 2222 || o.Syslog || !o.Logtime || o.ServerName != "m" || o.MaxPayload != 65536 {
		t.Errorf("%+v", o)
	}
}

func TestFlagsOverTLSOfTheFile(t *testing.T) {
	certFile, keyFile := pair(t)
	file := write(t, "x.conf", fmt.Sprintf("tls { cert_file: %q, key_file: %q, first: true }", certFile, keyFile))
	if o := parsed(t, "-c", file); o.TLSConfig == nil || !o.TLSHandshakeFirst {
		t.Error("no TLS by the file")
	}
	if o := parsed(t, "-c", file, "-tls=false"); o.TLSConfig != nil || o.TLS || o.TLSHandshakeFirst {
		t.Errorf("TLS is not switched off: %+v", o)
	}
	if _, _, err := parse("-c", file, "-tlsverify"); err == nil || !strings.Contains(err.Error(), "valid") {
		t.Errorf("%v", err)
	}
	o := parsed(t, "-c", file, "-tlsverify", "-tlscert", certFile, "-tlskey", keyFile)
	if o.TLSConfig == nil || !o.TLSVerify || !o.TLS {
		t.Errorf("%+v", o)
	}
	mapped := write(t, "y.conf", fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify_and_map: true }", certFile, keyFile, certFile))
	o = parsed(t, "-c", mapped, "-tlscert", certFile, "-tlskey", keyFile)
	if !o.TLSVerify || !o.TLSMap || o.TLSConfig.ClientCAs == nil {
		t.Errorf("a new certificate must not end the verification of clients: %+v", o)
	}
}

func TestRereadKeepsTheFlags(t *testing.T) {
	file := write(t, "x.conf", "port: 1\nmax_conn: 5\ntrace: true\n")
	o := parsed(t, "-c", file, "-p", "7", "-D", "-V=false")
	if err := os.WriteFile(file, []byte("port: 2\nmax_conn: 6\ntrace: true\ndebug: false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what was reread can be reread
		var err error
		if o, err = o.Clone().Reread(); err != nil {
			t.Fatal(err)
		}
		if o.Port != 7 || o.MaxConn != 6 || !o.Debug || o.Trace || !o.Logtime || o.ConfigFile != file {
			t.Errorf("%+v", o)
		}
	}
	if err := os.WriteFile(file, []byte("port: x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Reread(); err == nil {
		t.Error("a bad file is accepted")
	}
	plain, err := ProcessConfigFile(write(t, "y.conf", "port: 3"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := plain.Reread(); err != nil || !cmp.Equal(plain, again, ignorePrivate) {
		t.Errorf("%v, %+v", err, again)
	}
}

func TestCheckingAFile(t *testing.T) {
	good := write(t, "good.conf", "port: 4222")
	if o := parsed(t, "-t", "-c", good); !o.CheckConfig || o.ConfigFile != good || o.ConfigDigest == "" {
		t.Errorf("%+v", o)
	}
	bad := write(t, "bad.conf", "foo: 1\nbar: 2")
	_, _, err := parse("-t", "-c", bad)
	if want := fmt.Sprintf("%s:1:0: unknown field \"foo\"\n%s:2:1: unknown field \"bar\"", bad, bad); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestMergeOptionsPrefersWhatIsSet(t *testing.T) {
	file := &Options{Host: "127.0.0.1", Port: 4242, Username: "derek", Password: "x", Trace: true, MaxPayload: 65536, HTTPPort: 1, ProfPort: 6543}
	merged := MergeOptions(file, &Options{Port: 2222, Password: "porkchop", Debug: true, HTTPPort: 8222, ProfPort: 6789})
	want := &Options{Host: "127.0.0.1", Port: 2222, Username: "derek", Password: "porkchop", Debug: true, Trace: true,
		MaxPayload: 65536, HTTPPort: 8222, ProfPort: 6789}
	if diff := cmp.Diff(want, merged, ignorePrivate, cmpopts.IgnoreFields(Options{}, "Logtime")); diff != "" {
		t.Error(diff)
	}
	if file.Port != 4242 {
		t.Error("the options of the file are changed")
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	fs := flag.NewFlagSet(filepath.Base(os.Args[0]), flag.ContinueOnError)
	if _, err := ConfigureOptions(fs, nil, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	refused := set(unsupportedFlags...)
	fs.VisitAll(func(f *flag.Flag) {
		if _, ok := refused[f.Name]; !ok && !strings.Contains(Usage, "-"+f.Name) {
			t.Errorf("no word about -%s", f.Name)
		}
	})
}
