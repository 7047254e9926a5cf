package node

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/notify"
)

// WebhookConfig says how members' own servers are told of what is new.
type WebhookConfig struct {
	// Off turns webhooks off: none is added, none is told.
	Off bool `yaml:"off,omitempty"`
	// Every is how often it is looked what is new; DefaultTelling if 0.
	Every Duration `yaml:"every,omitempty"`
	// GiveUp is how long a receiver may fail; notify.DefaultLife if 0.
	GiveUp Duration `yaml:"give_up,omitempty"`
	// Loopback lets webhooks be on the hub's own machine.
	Loopback bool `yaml:"loopback,omitempty"`
}

// DefaultTelling is how often webhooks are told, at most.
const DefaultTelling = 30 * time.Second

func (w *WebhookConfig) check() error {
	if w != nil && w.Every != 0 && time.Duration(w.Every) < time.Second {
		return fault.New(fault.Usage, "config.bad_value", "webhooks are told once a second at most; to turn them off write `off: true`").At("hub.webhooks.every")
	}
	return nil
}

// webhooks is what the configuration says, or the defaults.
func (h *HubConfig) webhooks() WebhookConfig {
	w := WebhookConfig{}
	if h.Webhooks != nil {
		w = *h.Webhooks
	}
	if w.Every == 0 {
		w.Every = Duration(DefaultTelling)
	}
	return w
}

// notifying assembles the room that tells webhooks; nil if they are off.
func (h *Hub) notifying() *notify.Room {
	cfg := h.config.Hub.webhooks()
	if cfg.Off {
		return nil
	}
	return &notify.Room{Hub: h.config.Hub.ID, Sign: h.sign, Door: h.Door, Deliver: h.Deliver, Listings: h.Store, Webhooks: h.Store, State: h.state,
		Loopback: cfg.Loopback, Life: time.Duration(cfg.GiveUp), Now: h.now, Rand: rand.Reader, Sent: h.metrics.posted, Fail: failpoint()}
}

// tell looks what is new for webhooks, and lets sending begin.
func (h *Hub) tell(ctx context.Context) error {
	_, err := h.Notify.Tell(ctx)
	select {
	case h.queued <- struct{}{}:
	default: // it begins already
	}
	return err
}
