package container

import (
	"encoding/gob"

	"example.com/container-go/06-full-runtime/config"
	"example.com/container-go/06-full-runtime/explain"
)

// launch gives the child what it needs: a process that kills it if we die, its ids,
// and the message. Then it catches the signals that are meant for the container. To
// catch 60 signals takes Go a millisecond or two, which the child needs for its own
// steps. It becomes the command only when it is told that we are ready. A child that
// ends early is no error here; its status tells why.
func launch(c config.Config, host Host, p *child) (*forwarder, error) {
	if err := host.Born(p.pid, p.pidfd); err != nil {
		return nil, err
	}
	if err := host.IDs.Write(p.pid); err != nil {
		return nil, err
	}
	m := config.Message{Config: c, Size: terminalSize()}
	if explain.On() {
		m.Namespaces, m.Start = explain.Namespaces(), explain.Zero()
	}
	messages := gob.NewEncoder(p.socket)
	_ = explain.Step(messages.Encode(m), "all that the child must do: every user could read arguments", "write", "PID 1's socket")
	f := forward(p, catchSignals(c.Terminal))
	_ = messages.Encode(config.Ready)
	return f, nil
}
