package options

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// Usage is the help text of the command line.
const Usage = `Usage: godwit [options]

Server:
    -a, --addr, --net <host>         address to listen on (default 0.0.0.0)
    -p, --port <port>                port for clients (default 4222; -1 picks one)
    -n, --name, --server_name <name> server name (default: the server's id)
        --client_advertise <addr>    host[:port] that clients are told
    -P, --pid <file>                 file to write the process id to
    -m, --http_port <port>           port for HTTP monitoring
    -ms, --https_port <port>         port for HTTPS monitoring
        --profile <port>             port for Go profiles
        --ports_file_dir <dir>       directory for a file that lists the open ports
    -c, --config <file>              configuration file
    -t                               check the configuration and exit
    -sl, --signal <signal>[=<pid>]   signal a running server: ldm, quit, term, stop, reopen, reload
                                     <pid> may be a number, a pid file or a prefix such as 12*

Logging:
    -l, --log <file>                 file to log to
    -T, --logtime                    time stamps (default true)
        --logtime_utc                time stamps in UTC
    -s, --syslog                     log to syslog
    -r, --remote_syslog <url>        log to a syslog server, udp:// or tcp://
    -D, --debug                      debug lines
    -V, --trace                      trace the protocol
    -VV                              trace, system account included
    -DV                              debug and trace
    -DVV                             debug and trace, system account included
        --log_size_limit <bytes>     size at which the log file is rotated
        --max_traced_msg_len <n>     bytes of a payload that are traced

Authorization:
        --user <name> --pass <password>   the one user of all clients
        --auth <token>                    the one token of all clients

TLS:
        --tls                        require TLS
        --tlsverify                  require and verify client certificates
        --tlscert <file> --tlskey <file>  certificate and key of the server
        --tlscacert <file>           certificate authority for client certificates
        --help_tls                   names of cipher suites and curves

JetStream:
    -js, --jetstream                 store messages
    -sd, --store_dir <dir>           where they are stored

Other:
    -h, --help                       this text
    -v, --version                    the version
`

// unsupportedFlags are the flags of features that are not carried out yet.
var unsupportedFlags = []string{
	"routes", "cluster", "cluster_listen", "cluster_name",
	"cluster_advertise", "no_advertise", "connect_retries",
}

// UsageError is a fault of the command line itself.
type UsageError struct{ err error }

// Error is the fault.
func (e *UsageError) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *UsageError) Unwrap() error { return e.err }

// refusedFlag is the value of a flag that is not carried out.
type refusedFlag struct{ name string }

func (f refusedFlag) String() string   { return "" }
func (f refusedFlag) IsBoolFlag() bool { return true }
func (f refusedFlag) Set(string) error { return fmt.Errorf("-%s is not supported yet", f.name) }

// commandLine is what flags can say.
type commandLine struct {
	o                                 *Options
	configFile                        string
	debugTrace, verbose, debugVerbose bool
	version, help, tlsHelp, tls       bool
	set                               map[string]bool
}

// ProcessCommandLineArgs tells which of the words version and help stand behind
// the parsed flags. No other words may.
func ProcessCommandLineArgs(fs *flag.FlagSet) (version, help bool, err error) {
	for _, word := range fs.Args() {
		switch strings.ToLower(word) {
		case "version":
			version = true
		case "help":
			help = true
		default:
			return false, false, fmt.Errorf("unrecognized command: %q", word)
		}
	}
	return version, help, nil
}

// ConfigureOptions parses a command line: flags, and the file that they name,
// over which they take precedence. printVersion, printHelp and printTLSHelp are
// called, and nil options returned, if that is what is asked for. Nothing here
// ends the process; the options say what else is to be done (CheckConfig,
// Signal).
func ConfigureOptions(fs *flag.FlagSet, args []string, printVersion, printHelp, printTLSHelp func()) (*Options, error) {
	c := &commandLine{o: &Options{}, set: make(map[string]bool)}
	c.define(fs)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	if err := fs.Parse(args); err != nil {
		return nil, &UsageError{err}
	}
	version, help, err := ProcessCommandLineArgs(fs)
	if err != nil {
		return nil, err // exit code 1, as known
	}
	c.version, c.help = c.version || version, c.help || help
	switch {
	case c.version:
		printVersion()
		return nil, nil
	case c.help:
		printHelp()
		return nil, nil
	case c.tlsHelp:
		printTLSHelp()
		return nil, nil
	}
	fs.Visit(func(f *flag.Flag) { c.set[f.Name] = true })
	return c.options()
}

func (c *commandLine) define(fs *flag.FlagSet) {
	o := c.o
	str := func(p *string, names ...string) {
		for _, n := range names {
			fs.StringVar(p, n, "", "")
		}
	}
	num := func(p *int, names ...string) {
		for _, n := range names {
			fs.IntVar(p, n, 0, "")
		}
	}
	yes := func(p *bool, names ...string) {
		for _, n := range names {
			fs.BoolVar(p, n, false, "")
		}
	}
	str(&o.Host, "a", "addr", "net")
	num(&o.Port, "p", "port")
	str(&o.ServerName, "n", "name", "server_name")
	str(&o.ClientAdvertise, "client_advertise")
	str(&c.configFile, "c", "config")
	yes(&o.CheckConfig, "t")
	num(&o.HTTPPort, "m", "http_port")
	num(&o.HTTPSPort, "ms", "https_port")
	num(&o.ProfPort, "profile")
	str(&o.PidFile, "P", "pid")
	str(&o.PortsFileDir, "ports_file_dir")
	str(&o.Signal, "sl", "signal")
	str(&o.LogFile, "l", "log")
	fs.BoolVar(&o.Logtime, "T", true, "")
	fs.BoolVar(&o.Logtime, "logtime", true, "")
	yes(&o.LogtimeUTC, "logtime_utc")
	yes(&o.Syslog, "s", "syslog")
	str(&o.RemoteSyslog, "r", "remote_syslog")
	yes(&o.Debug, "D", "debug")
	yes(&o.Trace, "V", "trace")
	yes(&c.verbose, "VV")
	yes(&c.debugTrace, "DV")
	yes(&c.debugVerbose, "DVV")
	fs.Int64Var(&o.LogSizeLimit, "log_size_limit", 0, "")
	num(&o.MaxTracedMsgLen, "max_traced_msg_len")
	str(&o.Username, "user")
	str(&o.Password, "pass")
	str(&o.Authorization, "auth")
	yes(&c.tls, "tls")
	yes(&o.TLSVerify, "tlsverify")
	str(&o.TLSCert, "tlscert")
	str(&o.TLSKey, "tlskey")
	str(&o.TLSCaCert, "tlscacert")
	yes(&o.JetStream, "js", "jetstream")
	str(&o.StoreDir, "sd", "store_dir")
	yes(&c.tlsHelp, "help_tls")
	yes(&c.help, "h", "help")
	yes(&c.version, "v", "version")
	for _, name := range unsupportedFlags {
		fs.Var(refusedFlag{name}, name, "")
	}
}

// options combines the flags with the file that they name.
func (c *commandLine) options() (*Options, error) {
	f := c.o
	f.Trace = f.Trace || c.verbose || c.debugTrace || c.debugVerbose
	f.TraceVerbose = c.verbose || c.debugVerbose
	f.Debug = f.Debug || c.debugTrace || c.debugVerbose
	f.logtimeSet = c.set["T"] || c.set["logtime"]
	if c.configFile == "" && f.CheckConfig {
		return nil, fmt.Errorf("must specify [-c, --config] option to check configuration file syntax")
	}
	file := &Options{}
	if c.configFile != "" {
		var err error
		if file, err = ProcessConfigFile(c.configFile); err != nil {
			return nil, err
		}
	}
	return c.onto(file)
}

// onto puts what the flags say over the options of a file.
func (c *commandLine) onto(file *Options) (*Options, error) {
	f := c.o
	o := MergeOptions(file, f)
	o.CheckConfig, o.Signal = f.CheckConfig, f.Signal
	o.commandLine = c
	c.switchOff(o)
	switch {
	case c.set["tls"] && !c.tls: // -tls=false
		o.TLS, o.TLSConfig, o.TLSVerify, o.TLSMap, o.TLSPinnedCerts = false, nil, false, false, nil
		o.TLSCert, o.TLSKey, o.TLSCaCert, o.TLSHandshakeFirst = "", "", "", false
	case c.tls, c.set["tlsverify"], c.set["tlscert"], c.set["tlskey"], c.set["tlscacert"]:
		o.TLSCert, o.TLSKey = f.TLSCert, f.TLSKey
		if c.set["tlsverify"] {
			o.TLSVerify, o.TLSMap = f.TLSVerify, o.TLSMap && f.TLSVerify
		}
		if c.set["tlscacert"] {
			o.TLSCaCert = f.TLSCaCert
		}
		if err := o.loadTLSFiles(); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// switchOff carries out flags such as -trace=false, which undo what the file
// says.
func (c *commandLine) switchOff(o *Options) {
	o.Debug = o.Debug && !c.off("D", c.o.Debug) && !c.off("debug", c.o.Debug)
	o.Trace = o.Trace && !c.off("V", c.o.Trace) && !c.off("trace", c.o.Trace)
	if c.off("DV", c.debugTrace) {
		o.Debug, o.Trace = false, false
	}
	if c.off("VV", c.verbose) {
		o.Trace, o.TraceVerbose = false, false
	}
	if c.off("DVV", c.debugVerbose) {
		o.Debug, o.Trace, o.TraceVerbose = false, false, false
	}
	o.Syslog = o.Syslog && !c.off("s", c.o.Syslog) && !c.off("syslog", c.o.Syslog)
	o.LogtimeUTC = o.LogtimeUTC && !c.off("logtime_utc", c.o.LogtimeUTC)
}

// off reports whether a flag was given with the value false.
func (c *commandLine) off(name string, value bool) bool { return c.set[name] && !value }

// Reread reads the configuration file again and returns new options: what the
// file says now, with the flags of the command line over it. Fields that were
// set in code are not in them.
func (o *Options) Reread() (*Options, error) {
	file, err := ProcessConfigFile(o.ConfigFile)
	if err != nil {
		return nil, err
	}
	if o.commandLine == nil {
		return file, nil
	}
	return o.commandLine.onto(file)
}

// loadTLSFiles makes TLSConfig of the files that the fields name.
func (o *Options) loadTLSFiles() error {
	if o.TLSCert == "" {
		return errors.New("TLS Server certificate must be present and valid")
	}
	if o.TLSKey == "" {
		return errors.New("TLS Server private key must be present and valid")
	}
	config, err := GenTLSConfig(&TLSOptions{
		CertFile: o.TLSCert, KeyFile: o.TLSKey, CaFile: o.TLSCaCert, Verify: o.TLSVerify,
	})
	if err != nil {
		return err
	}
	o.TLS, o.TLSConfig = true, config
	return nil
}

// MergeOptions returns the options of a file with those of a command line over
// them.
func MergeOptions(file, flags *Options) *Options {
	if file == nil {
		file = &Options{}
	}
	o := file.Clone()
	if !file.logtimeSet {
		o.Logtime = true
	}
	if flags == nil {
		return o
	}
	over(&o.Host, flags.Host)
	over(&o.Port, flags.Port)
	over(&o.ServerName, flags.ServerName)
	over(&o.ClientAdvertise, flags.ClientAdvertise)
	over(&o.HTTPPort, flags.HTTPPort)
	over(&o.HTTPSPort, flags.HTTPSPort)
	over(&o.ProfPort, flags.ProfPort)
	over(&o.PidFile, flags.PidFile)
	over(&o.PortsFileDir, flags.PortsFileDir)
	over(&o.StoreDir, flags.StoreDir)
	over(&o.JetStream, flags.JetStream)
	over(&o.LogFile, flags.LogFile)
	over(&o.LogtimeUTC, flags.LogtimeUTC)
	over(&o.Syslog, flags.Syslog)
	over(&o.RemoteSyslog, flags.RemoteSyslog)
	over(&o.Debug, flags.Debug)
	over(&o.Trace, flags.Trace)
	over(&o.TraceVerbose, flags.TraceVerbose)
	over(&o.LogSizeLimit, flags.LogSizeLimit)
	over(&o.MaxTracedMsgLen, flags.MaxTracedMsgLen)
	over(&o.Username, flags.Username)
	over(&o.Password, flags.Password)
	over(&o.Authorization, flags.Authorization)
	if flags.logtimeSet {
		o.Logtime = flags.Logtime
	}
	return o
}

// over replaces a value by another that is not zero.
func over[T comparable](value *T, by T) {
	var zero T
	if by != zero {
		*value = by
	}
}
