package fuzz;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A Lua table as an expression sees it: list items from 1 on, and named fields. Lists keep their nulls. */
final class Table {
  final List<Object> items = new ArrayList<>();
  final Map<String, Object> fields = new TreeMap<>();
  boolean list;

  void put(Object key, Object value) {
    if (key instanceof Long index) {
      if (index == items.size() + 1) {
        if (value != null) items.add(value);
      } else if (index >= 1 && index <= items.size()) {
        items.set((int) (index - 1), value == null ? Lua.NULL : value);
      } else {
        throw new Lua.Failure("a list with holes: " + index);
      }
    } else if (value == null) {
      fields.remove((String) key);
    } else {
      fields.put((String) key, value);
    }
  }

  /** As it is stored: NULL for a JSON null. */
  Object raw(Object key) {
    if (key instanceof Long index) return index >= 1 && index <= items.size() ? items.get((int) (index - 1)) : null;
    return key instanceof String ? fields.get(key) : null;
  }

  static Object fromJava(Object value) {
    if (value instanceof Map<?, ?> map) {
      Table table = new Table();
      map.forEach((name, field) -> table.fields.put((String) name, field == null ? Lua.NULL : fromJava(field)));
      return table;
    }
    if (value instanceof List<?> items) {
      Table table = new Table();
      table.list = true;
      for (Object item : items) table.items.add(item == null ? Lua.NULL : fromJava(item));
      return table;
    }
    return value;
  }

  static Object toJava(Object value) {
    if (value == Lua.NULL) return null;
    if (!(value instanceof Table table)) return value;
    if (table.list || !table.items.isEmpty()) {
      if (!table.fields.isEmpty()) throw new Lua.Failure("a table with items and fields");
      List<Object> items = new ArrayList<>();
      for (Object item : table.items) items.add(toJava(item));
      return items;
    }
    Map<String, Object> map = new TreeMap<>();
    table.fields.forEach((name, field) -> map.put(name, toJava(field)));
    return map;
  }
}
