package admit

import (
	"context"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Order is an authority's order to the third party to hand something out, as
// its operator recorded it. The record is what members are promised: that an
// order is written down, and that those concerned are told when that is lawful.
// It hands nothing out by itself.
type Order struct {
	ID       wire.OrderID `json:"id"`
	Received time.Time    `json:"received"`
	// Authority and Reference name who ordered it, and where to ask.
	Authority string `json:"authority"`
	Reference string `json:"reference"`
	// Asks says in words what is to be handed out.
	Asks string `json:"asks"`
	// Member is whom it concerns; "" is all members.
	Member wire.MemberID `json:"member,omitzero"`
	// Tell is from when on those concerned may be told; zero: not yet.
	Tell time.Time `json:"tell,omitzero"`
	// Carried is when something was handed out, and Given what, in words; zero
	// and "" if nothing was.
	Carried time.Time `json:"carried,omitzero"`
	Given   string    `json:"given,omitzero"`
}

// Orders is what orders need of the hub's record.
type Orders interface {
	// AddOrder stores one.
	AddOrder(ctx context.Context, o Order) error
	// ChangeOrder stores when those concerned may be told, and what was handed
	// out; an unknown one is fault.NotFound.
	ChangeOrder(ctx context.Context, o Order) error
	// Order returns one, or fault.NotFound.
	Order(ctx context.Context, id wire.OrderID) (Order, error)
	// Orders lists all, newest first.
	Orders(ctx context.Context) ([]Order, error)
}

// maxOrderText is the longest text of an order, in bytes.
const maxOrderText = 2000

// Ordered records an order. Tell may be zero: telling is not lawful yet.
func (d *Door) Ordered(ctx context.Context, o Order) (Order, error) {
	var err error
	if o.ID, err = wire.NewID[wire.OrderID]('o', d.Rand); err != nil {
		return Order{}, err
	}
	o.Received, o.Tell = d.now(), o.Tell.UTC().Truncate(time.Second)
	for _, text := range []string{o.Authority, o.Reference, o.Asks} {
		if text == "" || len(text) > maxOrderText {
			return Order{}, fault.New(fault.Invalid, "order.incomplete", "say who ordered it, under which reference, and what it asks for, in at most %d bytes each", maxOrderText)
		}
	}
	if o.Member != "" {
		if _, err := d.Record.Member(ctx, o.Member); err != nil {
			return Order{}, err
		}
	}
	return o, d.Record.AddOrder(ctx, o)
}

// FollowOrder notes from when on those concerned may be told of an order (if
// tell is not zero), and what was handed out now (if given is not empty).
func (d *Door) FollowOrder(ctx context.Context, id wire.OrderID, tell time.Time, given string) (Order, error) {
	o, err := d.Record.Order(ctx, id)
	if err != nil {
		return Order{}, err
	}
	if len(given) > maxOrderText {
		return Order{}, fault.New(fault.Invalid, "order.incomplete", "say what was handed out in at most %d bytes", maxOrderText)
	}
	if !tell.IsZero() {
		o.Tell = tell.UTC().Truncate(time.Second)
	}
	if given != "" {
		o.Given, o.Carried = given, d.now()
	}
	return o, d.Record.ChangeOrder(ctx, o)
}

// OrdersFor lists the orders of which a member may be told by now, newest
// first.
func (d *Door) OrdersFor(ctx context.Context, s Standing) ([]Order, error) {
	all, err := d.Record.Orders(ctx)
	if err != nil {
		return nil, err
	}
	var mine []Order
	for _, o := range all {
		if (o.Member == "" || o.Member == s.member.ID) && !o.Tell.IsZero() && !d.now().Before(o.Tell) {
			mine = append(mine, o)
		}
	}
	return mine, nil
}
