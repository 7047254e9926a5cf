package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/wire"
)

var _ admit.Orders = (*Hub)(nil)

const orderColumns = `id, received, authority, reference, asks, member, tell, carried, given FROM authority_order`

// AddOrder implements [admit.Orders].
func (h *Hub) AddOrder(ctx context.Context, o admit.Order) error {
	return h.change(ctx, "store an authority's order",
		`INSERT INTO authority_order (id, received, authority, reference, asks, member, tell, carried, given) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		o.ID, seconds(o.Received), o.Authority, o.Reference, o.Asks, o.Member, seconds(o.Tell), seconds(o.Carried), o.Given)
}

// ChangeOrder implements [admit.Orders].
func (h *Hub) ChangeOrder(ctx context.Context, o admit.Order) error {
	return h.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE authority_order SET tell = $1, carried = $2, given = $3 WHERE id = $4`,
			seconds(o.Tell), seconds(o.Carried), o.Given, o.ID)
		if err != nil {
			return fmt.Errorf("follow an authority's order: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.NotFound, "order.not_found", "there is no such order"))
		}
		return nil
	})
}

// Order implements [admit.Orders].
func (h *Hub) Order(ctx context.Context, id wire.OrderID) (o admit.Order, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		o, err = scanOrder(tx.QueryRowContext(ctx, `SELECT `+orderColumns+` WHERE id = $1`, id))
		return noRow(err, "order.not_found", "there is no such order")
	})
	return o, err
}

// Orders implements [admit.Orders].
func (h *Hub) Orders(ctx context.Context) (all []admit.Order, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+orderColumns+` ORDER BY received DESC, id`)
		if err != nil {
			return fmt.Errorf("list the orders of authorities: %w", err)
		}
		all = nil
		return each(rows, func() error {
			o, err := scanOrder(rows)
			all = append(all, o)
			return err
		})
	})
	return all, err
}

func scanOrder(row interface{ Scan(...any) error }) (o admit.Order, err error) {
	var received, tell, carried int64
	err = row.Scan(&o.ID, &received, &o.Authority, &o.Reference, &o.Asks, &o.Member, &tell, &carried, &o.Given)
	o.Received, o.Tell, o.Carried = moment(received), moment(tell), moment(carried)
	return o, err
}
