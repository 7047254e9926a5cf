package standard

import "strings"

// ObservablePrefix begins the paths of the fields that describe a report's
// observables ("observable.ip"). They have a class, a default form and a
// token type, and no place of their own in a report's JSON: there observables
// stand in one list.
const ObservablePrefix = "observable."

// IsObservable reports whether the field describes observables of a type.
func (f Field) IsObservable() bool { return strings.HasPrefix(f.Path, ObservablePrefix) }

// Node is a property of a report's JSON: a field, a repeated group (a list of
// objects), or an object of further properties. Nodes are shared and must not
// be changed.
type Node struct {
	// Number is the node's place in a walk of the tree, from 0 (the root).
	Number int
	Name   string
	Path   string
	// Field at a leaf, else nil; Order is its place in the standard.
	Field *Field
	Order int
	// Group is true of the list whose rows hold the children.
	Group bool
	// Children in the order in which the standard first names them.
	Children []*Node
	Parent   *Node
	byName   map[string]*Node
}

// Child finds a property of the node, or nil.
func (n *Node) Child(name string) *Node { return n.byName[name] }

// ChildBytes is [Node.Child] for a name that is not a string yet.
func (n *Node) ChildBytes(name []byte) *Node { return n.byName[string(name)] }

// Tree is the shape of a report's JSON under the standard, without
// observables. The root has no name.
func (s *Standard) Tree() *Node { return s.tree }

// Nodes is the number of nodes in the tree.
func (s *Standard) Nodes() int { return s.nodes }

// Leaf finds the node of a field by its path; nil for paths that are no field
// or describe observables.
func (s *Standard) Leaf(path string) *Node {
	i, ok := s.byPath[path]
	if !ok {
		return nil
	}
	return s.leaves[i]
}

// buildTree makes the tree of the checked fields.
func (s *Standard) buildTree() {
	s.tree = &Node{byName: map[string]*Node{}}
	s.leaves = make([]*Node, len(s.fields))
	for i := range s.fields {
		f := &s.fields[i]
		if f.IsObservable() {
			continue
		}
		at := s.tree
		for rest, path := f.Path, ""; ; {
			name, after, more := strings.Cut(rest, ".")
			path = strings.TrimPrefix(path+"."+name, ".")
			next := at.byName[name]
			if next == nil {
				next = &Node{Name: name, Path: path, Parent: at, byName: map[string]*Node{}}
				at.Children = append(at.Children, next)
				at.byName[name] = next
			}
			at, rest = next, after
			if path == f.Group {
				at.Group = true
			}
			if !more {
				break
			}
		}
		at.Field, at.Order = f, i
		s.leaves[i] = at
	}
	s.number(s.tree)
}

// number numbers the nodes in the order of a walk.
func (s *Standard) number(n *Node) {
	n.Number = s.nodes
	s.nodes++
	for _, c := range n.Children {
		s.number(c)
	}
}
