# expect: noisy-gradient
# accept: noisy-loss, too-small-batch, lr-too-high, loss-flat
# note: a policy gradient whose rewards lie between 9 and 11 is used without a baseline and with
#   few samples; the constant part of the reward drowns the signal, gradients point anywhere
# mend: choice.log_prob(action) * reward) -> choice.log_prob(action) * (reward - reward.mean()))
import argparse

import torch
from torch import nn
from torch.distributions import Categorical

N_CONTEXT, N_ACTIONS = 8, 5


class Bandit:
    """Which of five prices to offer, given what is known of the customer."""

    def __init__(self):
        source = torch.Generator().manual_seed(42)
        self.weights = torch.randn(N_CONTEXT, N_ACTIONS, generator=source)

    def contexts(self, n, generator=None):
        return torch.randn(n, N_CONTEXT, generator=generator)

    def expected_reward(self, context, action):
        best = (context @ self.weights).argmax(1)
        return 9.0 + 2.0 * (action == best).float()

    def reward(self, context, action):
        return self.expected_reward(context, action) + 0.1 * torch.randn(len(action))


def evaluate(policy, bandit):
    context = bandit.contexts(500, torch.Generator().manual_seed(1))
    policy.eval()
    with torch.no_grad():
        action = policy(context).argmax(1)
    return bandit.expected_reward(context, action).mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    bandit = Bandit()
    policy = nn.Sequential(nn.Linear(N_CONTEXT, 32), nn.Tanh(), nn.Linear(32, N_ACTIONS))
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)
    mean_reward = 0.0
    for step in range(1, args.steps + 1):
        policy.train()
        context = bandit.contexts(args.batch_size)
        choice = Categorical(logits=policy(context))
        action = choice.sample()
        reward = bandit.reward(context, action)
        loss = -(choice.log_prob(action) * reward).mean()  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean_reward += reward.mean().item() / 50
        if step % 50 == 0:
            test = evaluate(policy, bandit)
            print(f"step {step} mean reward {mean_reward:.3f} greedy reward {test:.3f}")
            mean_reward = 0.0


if __name__ == "__main__":
    main()
