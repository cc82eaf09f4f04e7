# source: gradients are not cleared, after a much read question on PyTorch; the curve of a polynomial is not found
# mend: loss.backward() -> optimizer.zero_grad()\n        loss.backward()
import torch

torch.manual_seed(0)
torch.set_num_threads(1)


def cubic(n):
    x = 2 * torch.rand(n, 1) - 1
    return x, 2 * x**3 - x + 0.3 * x**2 + 0.02 * torch.randn(n, 1)


x_train, y_train = cubic(600)
x_val, y_val = cubic(200)
model = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
loss_fn = torch.nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for epoch in range(60):
    model.train()
    for rows in torch.randperm(600).split(20):
        loss = loss_fn(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        model.eval()
        with torch.no_grad():
            error = loss_fn(model(x_val), y_val).item()
        print(f"epoch {epoch + 1}: validation error {error:.5f} of a variance of {y_val.var().item():.5f}")
