//! The memory of PyTorch's tensors, compared with what they say of their storage.

use super::*;

/// PyTorch is too large for every run: `PYINQUEST_TORCH` names the directory it is installed in, `PYINQUEST_TEST_INTERPRETER` the
/// interpreter that it is for.
#[test]
fn tensors_own_their_storage() {
    let Ok(directory) = std::env::var("PYINQUEST_TORCH") else {
        common::not_asked_for("PYINQUEST_TORCH names no directory with PyTorch");
        return;
    };
    let mut compared = 0;
    let named = |i: &&Interpreter| std::env::var("PYINQUEST_TEST_INTERPRETER").is_ok_and(|name| name == i.name);
    for interpreter in common::interpreters().iter().filter(named) {
        let dead = match Crash::new(interpreter, "heap_torch.py").env("PYTHONPATH", &directory).run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let text = std::fs::read(dead.dir.join("said.json")).unwrap_or_else(|_| panic!("{}", dead.stderr));
        let said: Value = serde_json::from_slice(&text).unwrap();
        let inspection = open(&dead, interpreter);
        let number = |value: &Value| value.as_u64().unwrap();
        for tensor in said["tensors"].as_array().unwrap() {
            let (at, data) = (number(&tensor["id"]), number(&tensor["data"]));
            let told = inspection.heap(|state, _| state.buffers(state.at(Addr(at)).unwrap())).unwrap();
            let told: Vec<(u64, u64)> = told.iter().map(|buffer| (buffer.start, buffer.bytes)).collect();
            let own = tensor["own"].as_bool().unwrap();
            let expected = if own { vec![(data, number(&tensor["bytes"]))] } else { Vec::new() };
            assert_eq!(told, expected, "{}: {tensor}", interpreter.name);
        }
        let large = said["tensors"].as_array().unwrap().iter().find(|tensor| tensor["name"] == "large").unwrap();
        let inside = first(&inspection, number(&large["data"]) + 5000);
        assert!(inside.to_string().contains("Tensor"), "{}: {inside}", interpreter.name);
        let found = inspection.heap(|state, missing| memory::memory(&inspection, state, missing)).unwrap();
        let of_torch = found.buffers.iter().filter(|row| row.name.starts_with("torch."));
        let told = of_torch.fold((0, 0), |sum, row| (sum.0 + row.buffers, sum.1 + row.bytes));
        let alive = said["alive"].as_array().unwrap();
        assert_eq!(told, (alive.len() as u64, alive.iter().map(|row| number(&row[1])).sum()), "{:?}", found.buffers);
        eprintln!("{}: {} buffers of {} bytes", interpreter.name, told.0, told.1);
        compared += 1;
    }
    assert!(compared > 0, "PYINQUEST_TEST_INTERPRETER names no interpreter");
}
