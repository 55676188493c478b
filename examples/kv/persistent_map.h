// An ordered map whose copies share structure.
//
// A copy costs one pointer, whatever the size, and never changes when the
// original does; it may be read on another thread. A change costs O(log n)
// expected: it makes anew the nodes on the path to the key (about 1.4 log2 n of
// 32 bytes each), never keys or values.
//
// A treap: ordered by key, and a heap by a hash of the key, which keeps it
// balanced without any bookkeeping and gives equal maps equal shapes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace kv {

template <typename Value>
class PersistentMap {
 public:
  // Valid until this map changes; none: not found.
  const Value* Find(std::string_view key) const {
    const Node* node = root_.get();
    while (node != nullptr && node->entry->key != key) {
      node = (key < node->entry->key ? node->left : node->right).get();
    }
    return node == nullptr ? nullptr : &node->entry->value;
  }

  void Put(std::string key, Value value) {
    std::size_t priority = std::hash<std::string>()(key);
    root_ = Insert(
        root_, std::make_shared<const Entry>(Entry{std::move(key), std::move(value), priority}));
  }

  bool Erase(std::string_view key) {
    if (Find(key) == nullptr) return false;
    root_ = Without(root_, key);
    return true;
  }

  void Clear() { root_ = nullptr; }

  // Calls visit(key, value) in key order, from the first key that is not below
  // `from`, until it returns false.
  template <typename Visitor>
  void Visit(std::string_view from, Visitor visit) const {
    Walk(root_.get(), from, visit);
  }

 private:
  struct Entry {
    std::string key;
    Value value;
    std::size_t priority;
  };
  struct Node;
  using EntryPtr = std::shared_ptr<const Entry>;
  using Tree = std::shared_ptr<const Node>;
  struct Node {
    EntryPtr entry;
    Tree left;
    Tree right;
  };

  static Tree Make(EntryPtr entry, Tree left, Tree right) {
    return std::make_shared<const Node>(Node{std::move(entry), std::move(left), std::move(right)});
  }

  static Tree Insert(const Tree& tree, EntryPtr entry) {
    if (tree == nullptr) return Make(std::move(entry), nullptr, nullptr);
    if (entry->key == tree->entry->key) return Make(std::move(entry), tree->left, tree->right);
    if (entry->key < tree->entry->key) {
      Tree left = Insert(tree->left, std::move(entry));
      if (left->entry->priority <= tree->entry->priority) {
        return Make(tree->entry, std::move(left), tree->right);
      }
      return Make(left->entry, left->left, Make(tree->entry, left->right, tree->right));
    }
    Tree right = Insert(tree->right, std::move(entry));
    if (right->entry->priority <= tree->entry->priority) {
      return Make(tree->entry, tree->left, std::move(right));
    }
    return Make(right->entry, Make(tree->entry, tree->left, right->left), right->right);
  }

  static Tree Without(const Tree& tree, std::string_view key) {
    if (key == tree->entry->key) return Join(tree->left, tree->right);
    if (key < tree->entry->key) return Make(tree->entry, Without(tree->left, key), tree->right);
    return Make(tree->entry, tree->left, Without(tree->right, key));
  }

  // Every key of `low` is below every key of `high`.
  static Tree Join(const Tree& low, const Tree& high) {
    if (low == nullptr) return high;
    if (high == nullptr) return low;
    if (low->entry->priority > high->entry->priority) {
      return Make(low->entry, low->left, Join(low->right, high));
    }
    return Make(high->entry, Join(low, high->left), high->right);
  }

  template <typename Visitor>
  static bool Walk(const Node* node, std::string_view from, Visitor& visit) {
    if (node == nullptr) return true;
    if (node->entry->key < from) return Walk(node->right.get(), from, visit);
    return Walk(node->left.get(), from, visit) && visit(node->entry->key, node->entry->value) &&
           Walk(node->right.get(), from, visit);
  }

  Tree root_;
};

}  // namespace kv
